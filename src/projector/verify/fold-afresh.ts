// The rows that the log gives, folded from the first event up to a position, by the projection's own evolve.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../../projections/contract.js';
import { createFold } from '../../../projections/fold.js';
import { readEvent } from '../../../projections/read-event.js';
import { type History, readHistory } from '../../log/read-history.js';
import { readLog } from '../../log/read-whole.js';

/** Folds an integration, or some of its resources, up to `through`. Throws the reason of `signal` at the next page once it is aborted. */
export async function foldHistory(
  log: pg.Pool,
  projection: Projection,
  history: History,
  through: number,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, AnyRow>> {
  const fold = createFold(projection);
  for await (const events of readHistory(log, history, through)) {
    signal?.throwIfAborted();
    for (const event of events) fold.add(event, readEvent(event));
  }
  return fold.folded.rows;
}

/** More rows than may be held in memory. */
export class TooManyRows extends Error {
  readonly code = 'HOOKFOLD_TOO_MANY_ROWS';
  constructor({ name }: Projection, mostRows: number) {
    super(
      `${name} has more than ${mostRows} rows, and verifying it would hold all of them in memory; ` +
        `hookfold rebuild ${name} --dry-run compares them in Postgres`,
    );
  }
}

/**
 * Folds the whole log up to `through`, read once, and holds all rows; for projections whose keys lie in no integration.
 * Throws TooManyRows.
 */
export async function foldLog(
  log: pg.Pool,
  projection: Projection,
  through: number,
  mostRows: number,
): Promise<ReadonlyMap<string, AnyRow>> {
  const fold = createFold(projection);
  for await (const events of readLog(log, through)) {
    for (const event of events) fold.add(event, readEvent(event));
    if (fold.folded.rows.size > mostRows) throw new TooManyRows(projection, mostRows);
  }
  return fold.folded.rows;
}
