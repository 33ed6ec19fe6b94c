import type pg from 'pg';

/**
 * Whether the log has this event at this position. Asked after a reading of what follows it: another event, or none, and
 * what was read is of a log that was replaced meanwhile, or cut off.
 */
export async function hasEvent(
  db: pg.Pool | pg.ClientBase,
  position: number,
  eventId: string,
): Promise<boolean> {
  const { rowCount } = await db.query('SELECT FROM event_log WHERE position = $1 AND event_id = $2', [
    position,
    eventId,
  ]);
  return rowCount === 1;
}
