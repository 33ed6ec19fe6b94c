import type pg from 'pg';
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { toFoldedEvents } from './copied-event.js';
import { beforeGap, EventMissing } from './missing-event.js';
import { createFoldedRunCopier } from './read-run.js';

const PAGE = { events: 2000, bytes: 4 * 1024 * 1024 };

/**
 * All events up to a position that the log has reached, in order, page by page; `db` is no pipelined pool. Throws EventMissing
 * at the first that is not there.
 */
export async function* readLog(db: pg.Pool, through: number): AsyncGenerator<readonly FoldedEvent[]> {
  const copyRun = createFoldedRunCopier(db);
  for (let last = 0; last < through; ) {
    const run = await copyRun(last, { ...PAGE, events: Math.min(PAGE.events, through - last) });
    const events = beforeGap(last, [...toFoldedEvents(run)]);
    if (events.length === 0) throw new EventMissing(last + 1);
    yield events;
    last = events.at(-1)!.position;
  }
}
