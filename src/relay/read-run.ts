import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { LOGGED_COLUMNS, selectEvents } from '../log/read-log.js';

/** Bounds of a run: events, and bytes of bodies as stored (compressed, where they are large). */
export interface RunLimits {
  events: number;
  bytes: number;
}

// The sum is over stored sizes, which Postgres tells without reading a large body. One event is always read.
const READ_RUN = `
  SELECT ${LOGGED_COLUMNS} FROM (
    SELECT *, sum(pg_column_size(body)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS bytes
    FROM event_log WHERE position > $1 AND position <= $2
  ) run
  WHERE bytes <= $3 OR position = $1 + 1
  ORDER BY position`;

/** The events after `position`, in order, without a gap, within the limits. */
export function readRun(pool: pg.Pool, position: number, limits: RunLimits): Promise<LoggedEvent[]> {
  return selectEvents(pool, READ_RUN, [position, position + limits.events, limits.bytes]);
}
