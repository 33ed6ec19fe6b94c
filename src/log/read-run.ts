// Runs of the log: events that follow each other, bounded in number and in bytes.
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { type CopiedRows, copyOut } from '../postgres/copy-out.js';
import { FOLDED_COLUMNS } from './copied-event.js';
import { LOGGED_COLUMNS, selectEvents } from './read-log.js';

/** Bounds of a run: events, and bytes of bodies as stored (compressed, where they are large). */
export interface RunLimits {
  events: number;
  bytes: number;
}

// Postgres tells stored sizes without reading a large body. Most runs fit, so that one sum suffices; where one does
// not, the sums up to each event say how much of it does. One event is always read.
const selectRun = (columns: string) => `
  SELECT ${columns} FROM event_log
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

const parameters = (position: number, { events, bytes }: RunLimits) => [position, position + events, bytes];

const WHOLE_RUN = selectRun(LOGGED_COLUMNS);

/** The events after `position`, in order, without a gap, within the limits; one at least, if there is one. */
export function readRun(pool: pg.Pool, position: number, limits: RunLimits): Promise<LoggedEvent[]> {
  return selectEvents(pool, WHOLE_RUN, parameters(position, limits));
}

const FEW_BYTES = 16 * 1024;
let lastRunBytes = FEW_BYTES;
const foldedRun = createRunQuery(FOLDED_COLUMNS);

/** The same as rows of `FOLDED_COLUMNS`, which have their buffer to themselves: by COPY, at half the cost. */
export async function copyRun(pool: pg.Pool, position: number, limits: RunLimits): Promise<CopiedRows> {
  const room = Buffer.allocUnsafeSlow(lastRunBytes + (lastRunBytes >> 3));
  const rows = await copyOut(pool, foldedRun(position, limits), room);
  lastRunBytes = Math.max(FEW_BYTES, rows.starts.at(-1) ?? 0);
  return rows;
}

/** What reads some columns of a run, with its bounds written into it, since COPY takes no parameters. */
export function createRunQuery(columns: string): (position: number, limits: RunLimits) => string {
  const text = selectRun(columns);
  return (position, limits) => {
    const values = parameters(position, limits);
    return text.replaceAll(/\$(\d)/g, (_, number) => asNumber(values[number - 1]!));
  };
}

function asNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  throw new RangeError(`expected a position or a bound of the log, a safe integer, found ${value}`);
}
