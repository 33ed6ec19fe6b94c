// Pages of the log, bounded in events and in bytes; the next is read while the one before it is folded and written.
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { LOGGED_COLUMNS, selectEvents } from '../log/read-log.js';

/** Reads the events after a position, up to `limit` of them and the reader's own bounds, at least one if there is one. */
export type PageReader = (position: number, limit: number) => Promise<LoggedEvent[]>;

export interface PageReaderOptions {
  pool: pg.Pool;
  pageEvents: number;
  /** Stored bytes of the bodies of a page at the most (large ones are compressed); one larger event goes alone. */
  pageBytes: number;
}

// A page that is small enough as a whole, as nearly all are, costs one sum; only a larger one is measured event by event.
const SIZES = 'FROM event_log WHERE position > $1 AND position <= $2';
const READ = `SELECT ${LOGGED_COLUMNS} FROM event_log
  WHERE position > $1 AND position <= CASE
    WHEN (SELECT sum(pg_column_size(body)) ${SIZES}) <= $3 THEN $2
    ELSE (
      SELECT max(position) FROM (
        SELECT position, sum(pg_column_size(body)) OVER (ORDER BY position) - pg_column_size(body) AS bytes_before ${SIZES}
      ) e WHERE bytes_before < $3
    ) END
  ORDER BY position`;

/** A reader that reads one page ahead where a page was full. */
export function createPageReader({ pool, pageEvents, pageBytes }: PageReaderOptions): PageReader {
  let ahead: { position: number; events: Promise<LoggedEvent[]> } | undefined;

  const read = (position: number, limit: number) =>
    selectEvents(pool, READ, [position, position + limit, pageBytes]);

  async function takeAhead(position: number): Promise<LoggedEvent[]> {
    const taken = ahead?.position === position ? ahead.events : [];
    ahead = undefined;
    return taken;
  }

  function isFull(events: readonly LoggedEvent[]): boolean {
    return events.length >= pageEvents || events.reduce((sum, { body }) => sum + body.length, 0) >= pageBytes;
  }

  function readAhead(events: readonly LoggedEvent[]): void {
    const position = events.at(-1)!.position;
    ahead = { position, events: read(position, pageEvents) };
    ahead.events.catch(() => {});
  }

  return async (position, limit) => {
    const wanted = Math.min(limit, pageEvents);
    let events = await takeAhead(position);
    // Nothing was there when it was read ahead: there may be by now.
    if (events.length === 0) events = await read(position, wanted);
    if (events.length > wanted) return events.slice(0, wanted);
    if (wanted === pageEvents && isFull(events)) readAhead(events);
    return events;
  };
}
