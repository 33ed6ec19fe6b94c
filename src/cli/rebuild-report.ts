// What became of a rebuild, for people and for scripts.
import type { Comparison, RowDifference } from '../projector/rebuild/compare.js';
import type { Outcome } from '../projector/rebuild/finish.js';

type Print = (line: string) => void;

/** Prints the outcomes; answers the names of the projections that drifted and were not swapped. */
export function printOutcomes(
  print: Print,
  outcomes: ReadonlyMap<string, Outcome>,
  { json, diff }: { json?: boolean; diff?: boolean },
): string[] {
  if (json) print(JSON.stringify(Object.fromEntries(outcomes)));
  else for (const [name, outcome] of outcomes) printOutcome(print, name, outcome, diff ?? false);
  return [...outcomes].filter(([, { kind, drift }]) => kind === 'kept' && drift).map(([name]) => name);
}

function printOutcome(print: Print, name: string, outcome: Outcome, diff: boolean): void {
  const { kind, position, comparison, drift, parked } = outcome;
  print(`${name}: ${kind === 'swapped' ? 'swapped in' : 'not swapped'} at position ${position}`);
  if (parked.after > 0 || parked.before > 0)
    print(
      `  ${parked.after} events are parked in it, ${parked.before} in the one before: hookfold parked list`,
    );
  if (!comparison) {
    print(`  ${whyNotCompared(outcome)}`);
    return;
  }
  print(`  ${describe(comparison)}`);
  if (drift)
    print(
      '  DRIFT: the served rows are not what the log gives. ' +
        (kind === 'kept'
          ? 'They go on being served; --yes swaps the rebuilt ones in.'
          : 'The rebuilt ones serve now.'),
    );
  if (diff || drift) for (const difference of comparison.sample) printDifference(print, difference);
}

function whyNotCompared({ rekeyed, otherLog, lagging }: Outcome): string {
  if (rekeyed) return 'the version before has another key: rows could not be compared';
  if (otherLog) return 'what was served is of another log: rows were not compared';
  if (lagging)
    return `version ${lagging.version} stands at position ${lagging.position}: its rows could not be compared`;
  return 'nothing was served at this position to compare with';
}

function describe({ rows_before, rows_after, added, removed, changed, changed_columns }: Comparison): string {
  const columns = Object.entries(changed_columns).map(([column, count]) => `${column} ${count}`);
  const same = added + removed + changed === 0 ? 'the same, row by row' : '';
  const differ = `${added} added, ${removed} removed, ${changed} changed${columns.length ? ` (${columns.join(', ')})` : ''}`;
  return `${rows_before} rows served, ${rows_after} rebuilt: ${same || differ}`;
}

/** Prints one differing row. */
export function printDifference(print: Print, { kind, key, columns }: RowDifference): void {
  const sign = { added: '+', removed: '-', changed: '~' }[kind];
  print(`  ${sign} ${Object.values(key).join(' / ')}`);
  for (const [column, { before, after }] of Object.entries(columns))
    print(`      ${column}: ${short(before)} → ${short(after)}`);
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
