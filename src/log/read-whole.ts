import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { beforeGap, EventMissing } from './missing-event.js';
import { readAfter } from './read-log.js';

const PAGE = 500;

/** All events up to a position that the log has reached, in order, page by page. Throws EventMissing at the first that is not there. */
export async function* readLog(db: pg.Pool, through: number): AsyncGenerator<LoggedEvent[]> {
  for (let last = 0; last < through; ) {
    const events = beforeGap(last, await readAfter(db, last, Math.min(PAGE, through - last)));
    if (events.length === 0) throw new EventMissing(last + 1);
    yield events;
    last = events.at(-1)!.position;
  }
}
