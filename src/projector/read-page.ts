// Pages of the log, bounded in events and in bytes; the next is read while the one before it is folded and written.
import type { FoldedEvent } from '../../schemas/logged-event.js';
import type { Run } from '../log/read-run.js';
import type { RunReader } from './run-reader.js';

/** Reads the events after a position, up to `limit` of them and the reader's own bounds, at least one if there is one. */
export type PageReader = (position: number, limit: number) => Promise<FoldedEvent[]>;

export interface PageReaderOptions {
  readRun: RunReader;
  pageEvents: number;
  /** Bytes of a page at the most; one larger event goes alone. */
  pageBytes: number;
}

/** A reader that reads one page ahead where a page was full. */
export function createPageReader({ readRun, pageEvents, pageBytes }: PageReaderOptions): PageReader {
  let ahead: { position: number; run: Promise<Run<FoldedEvent>> } | undefined;

  const read = (position: number, limit: number) => readRun(position, { events: limit, bytes: pageBytes });

  async function takeAhead(position: number): Promise<Run<FoldedEvent> | undefined> {
    const taken = ahead?.position === position ? ahead.run : undefined;
    ahead = undefined;
    return taken;
  }

  function readAhead(position: number): void {
    ahead = { position, run: read(position, pageEvents) };
    ahead.run.catch(() => {});
  }

  return async (position, limit) => {
    const wanted = Math.min(limit, pageEvents);
    let run = await takeAhead(position);
    // Nothing was there when it was read ahead: there may be by now.
    if (run === undefined || run.events.length === 0) run = await read(position, wanted);
    const { events, isFull } = run;
    if (events.length > wanted) return events.slice(0, wanted);
    if (wanted === pageEvents && isFull) readAhead(events.at(-1)!.position);
    return events;
  };
}
