// The rows that the log gives, folded from the first event up to a position, by the projection's own evolve.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../../projections/contract.js';
import { createFold } from '../../../projections/fold.js';
import { readEvent } from '../../../projections/read-event.js';
import { EventMissing } from '../../log/missing-event.js';
import { type History, readHistory } from '../../log/read-history.js';
import { readAfter } from '../../log/read-log.js';

const PAGE_EVENTS = 2000;

/** Folds an integration, or one of its resources, up to `through`. */
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

/** Folds the whole log up to `through`; for projections whose rows are few. */
export async function foldLog(
  log: pg.Pool,
  projection: Projection,
  through: number,
): Promise<ReadonlyMap<string, AnyRow>> {
  const fold = createFold(projection);
  for (let position = 0; position < through; ) {
    const events = await readAfter(log, position, Math.min(PAGE_EVENTS, through - position));
    if (events.length === 0) throw new EventMissing(position + 1);
    for (const event of events) fold.add(event, readEvent(event));
    position = events.at(-1)!.position;
  }
  return fold.folded.rows;
}
