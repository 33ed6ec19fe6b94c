// Figures for people: a table a bench, ratios with their aims.
import type { Aim, BenchOptions, BenchResult, Line, Ratio } from './bench.js';
import type { Machine } from './machine.js';
import { median } from './statistics.js';

/** What a script gets: every value, and the same summary as people see. */
export function toJson(machine: Machine, options: BenchOptions, results: readonly BenchResult[]): string {
  const summarised = results.map((result) => ({
    ...result,
    lines: result.lines.map((line) => ({ ...line, ...summary(line.values) })),
    ratios: result.ratios.map((ratio) => ({ ...ratio, ...summary(ratio.values), met: isMet(ratio) })),
  }));
  return JSON.stringify({ machine, options, results: summarised }, null, 2);
}

/** The machine, and the sizes that were given; others are a bench's own. */
export function describe(machine: Machine, { bodyBytes, ...sizes }: BenchOptions): string {
  const given = Object.entries(sizes).filter(([, value]) => value !== undefined);
  const lines = { ...machine, bodies: `about ${bodyBytes} bytes`, ...Object.fromEntries(given) };
  return Object.entries(lines)
    .map(([name, value]) => `${name.padEnd(10)} ${value}`)
    .join('\n');
}

/** The table of one result. */
export function toTable({ bench, about, lines, ratios, notes }: BenchResult): string {
  const rows = [
    ['', 'median', 'min', 'max', 'aim', ''],
    ...lines.map((line) => [`  ${line.name} (${line.unit})`, ...cells(line, round), '', '']),
    ...ratios.map((ratio) => [`  ${ratio.name}`, ...cells(ratio, fixed), aimText(ratio.aim), verdict(ratio)]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const text = rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
  return [`${bench}: ${about}`, ...text, ...notes.map((note) => `  · ${note}`), ''].join('\n');
}

/** Whether the median meets the aim; undefined where there is none. */
function isMet({ aim, values }: Ratio): boolean | undefined {
  if (aim === undefined) return undefined;
  return 'atLeast' in aim ? median(values) >= aim.atLeast : median(values) <= aim.atMost;
}

function summary(values: readonly number[]) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function cells({ values }: Line | Ratio, format: (value: number) => string): string[] {
  const { median, min, max } = summary(values);
  return [median, min, max].map(format);
}

const round = (value: number) =>
  Math.abs(value) < 100 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
const fixed = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)}×`;

function aimText(aim: Aim): string {
  if (aim === undefined) return '';
  return 'atLeast' in aim ? `≥ ${aim.atLeast}×` : `≤ ${aim.atMost}×`;
}

function verdict(ratio: Ratio): string {
  const met = isMet(ratio);
  return met === undefined ? '' : met ? 'met' : 'MISSED';
}
