// The rows that the log gives, folded from the first event up to a position, by the projection's own evolve.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../../projections/contract.js';
import { createFold } from '../../../projections/fold.js';
import { readEvent } from '../../../projections/read-event.js';
import { type History, readHistory } from '../../log/read-history.js';
import { readLog } from '../../log/read-whole.js';

/** Folds an integration, or some of its resources, up to `through`. */
export async function foldHistory(
  log: pg.Pool,
  projection: Projection,
  history: History,
  through: number,
): Promise<ReadonlyMap<string, AnyRow>> {
  const fold = createFold(projection);
  for await (const events of readHistory(log, history, through))
    for (const event of events) fold.add(event, readEvent(event));
  return fold.folded.rows;
}

/** Folds the whole log up to `through`, read once, and holds all rows; for projections whose keys lie in no integration. */
export async function foldLog(
  log: pg.Pool,
  projection: Projection,
  through: number,
): Promise<ReadonlyMap<string, AnyRow>> {
  const fold = createFold(projection);
  for await (const events of readLog(log, through)) {
    for (const event of events) fold.add(event, readEvent(event));
  }
  return fold.folded.rows;
}
