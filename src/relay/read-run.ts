import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { LOGGED_COLUMNS, selectEvents } from '../log/read-log.js';

/** Bounds of a run: events, and bytes of bodies as stored (compressed, where they are large). */
export interface RunLimits {
  events: number;
  bytes: number;
}

// Postgres tells stored sizes without reading a large body. Most runs fit, so that one sum suffices; where one does
// not, the sums up to each event say how much of it does. One event is always read.
const READ_RUN = `
  SELECT ${LOGGED_COLUMNS} FROM event_log
  WHERE position > $1 AND position <= (
    SELECT CASE WHEN sum(pg_column_size(body)) <= $3 THEN $2 ELSE (
      SELECT greatest(max(position), $1 + 1) FROM (
        SELECT position, sum(pg_column_size(body)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS bytes
        FROM event_log WHERE position > $1 AND position <= $2
      ) run WHERE bytes <= $3
    ) END
    FROM event_log WHERE position > $1 AND position <= $2
  )
  ORDER BY position`;

/** The events after `position`, in order, without a gap, within the limits. */
export function readRun(pool: pg.Pool, position: number, limits: RunLimits): Promise<LoggedEvent[]> {
  return selectEvents(pool, READ_RUN, [position, position + limits.events, limits.bytes]);
}
