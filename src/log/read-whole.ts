import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { readAfter } from './read-log.js';

const PAGE = 500;

/** All events up to a position, in order, page by page. */
export async function* readLog(db: pg.Pool, through: number): AsyncGenerator<LoggedEvent[]> {
  for (let last = 0; last < through; last += PAGE)
    yield await readAfter(db, last, Math.min(PAGE, through - last));
}
