// Pages of the log, bounded in events and in bytes; the next is read while the one before it is folded and written.
import type { FoldedEvent } from '../../schemas/logged-event.js';
import type { RunReader } from './run-reader.js';

/** Reads the events after a position, up to `limit` of them and the reader's own bounds, at least one if there is one. */
export type PageReader = (position: number, limit: number) => Promise<FoldedEvent[]>;

export interface PageReaderOptions {
  readRun: RunReader;
  pageEvents: number;
  /** Stored bytes of the bodies of a page at the most (large ones are compressed); one larger event goes alone. */
  pageBytes: number;
}

/** A reader that reads one page ahead where a page was full. */
export function createPageReader({ readRun, pageEvents, pageBytes }: PageReaderOptions): PageReader {
  let ahead: { position: number; events: Promise<FoldedEvent[]> } | undefined;

  const read = (position: number, limit: number) => readRun(position, { events: limit, bytes: pageBytes });

  async function takeAhead(position: number): Promise<FoldedEvent[]> {
    const taken = ahead?.position === position ? ahead.events : [];
    ahead = undefined;
    return taken;
  }

  function isFull(events: readonly FoldedEvent[]): boolean {
    return events.length >= pageEvents || events.reduce((sum, { body }) => sum + body.length, 0) >= pageBytes;
  }

  function readAhead(events: readonly FoldedEvent[]): void {
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
