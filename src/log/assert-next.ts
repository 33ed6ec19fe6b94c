import type pg from 'pg';
import { EventMissing } from './missing-event.js';
import { readAt, readHead } from './read-log.js';

/**
 * Looks whether the event after a position is there, if the log has any after it. Throws EventMissing. The head is read
 * first, so an event that is appended meanwhile is not missed.
 */
export async function assertNext(db: pg.Pool | pg.ClientBase, position: number): Promise<void> {
  if ((await readHead(db)) > position && !(await readAt(db, position + 1)))
    throw new EventMissing(position + 1);
}
