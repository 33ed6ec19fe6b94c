// Contestants in turn, A B A B, so that what the machine does meanwhile meets all of them alike. Each turn is one
// measurement; what a turn needs is made ready outside of it.
import type pg from 'pg';
import type { BenchResult, Line, Ratio } from './bench.js';
import { quotients } from './statistics.js';

export interface Contestant {
  name: string;
  /** Not measured. */
  prepare?(round: number): Promise<void>;
  /** Answers events a second, or whatever `unit` says. May time itself. */
  run(round: number): Promise<number>;
  unit?: string;
  /** It is not warmed up: a turn takes too long. */
  cold?: boolean;
  /** Not measured. */
  clear?(round: number): Promise<void>;
}

/** Runs every contestant once a round, after a round that warms up and does not count, in another order each round. */
export async function inTurn(
  contestants: readonly Contestant[],
  rounds: number,
  say: (text: string) => void,
): Promise<Line[]> {
  const lines = contestants.map(({ name, unit = 'events/s' }): Line => ({ name, unit, values: [] }));
  for (let round = -1; round < rounds; round++) {
    const order = contestants.map((_, index) => index);
    if (round % 2 !== 0) order.reverse();
    for (const index of order) {
      const { name, cold, prepare, run, clear } = contestants[index]!;
      if (cold && round < 0) continue;
      await prepare?.(round);
      const value = await run(round);
      await clear?.(round);
      say(`${round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`}  ${name}: ${Math.round(value)}`);
      if (round >= 0) lines[index]!.values.push(value);
    }
  }
  return lines;
}

/** The ratio of one line to another, round by round. */
export function ratioOf(lines: readonly Line[], ours: string, beside: string, aim: Ratio['aim']): Ratio {
  const valuesOf = (name: string) => lines.find((line) => line.name === name)!.values;
  return { name: `${ours} / ${beside}`, aim, values: quotients(valuesOf(ours), valuesOf(beside)) };
}

/** Events a second of `work`, which handles `count`. */
export async function rateOf(count: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return count / ((performance.now() - started) / 1000);
}

/** So that no turn pays for the pages that the one before it dirtied. */
export async function checkpoint(pool: pg.Pool): Promise<void> {
  await pool.query('CHECKPOINT');
}

/** A result with its parts named. */
export function resultOf(
  bench: string,
  about: string,
  lines: Line[],
  ratios: Ratio[],
  notes: string[] = [],
): BenchResult {
  return { bench, about, lines, ratios, notes };
}
