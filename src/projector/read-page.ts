// Pages of the log, bounded in events and in bytes; the next is read while the one before it is folded and written.
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { beforeGap, EventMissing } from '../log/missing-event.js';
import type { Run } from '../log/read-run.js';
import type { RunReader } from './run-reader.js';

/**
 * Reads the events after a position, up to `limit` of them and the reader's own bounds, at least one if there is one;
 * no further than to a gap. Throws EventMissing where the first is not there, but later ones are.
 */
export interface PageReader {
  (position: number, limit: number): Promise<FoldedEvent[]>;
  /** Whether the page after a position is being read already, since the one before was full. Default: no. */
  isAhead?(position: number): boolean;
  /** Drops what was read ahead: it may be of a log that another one has taken the place of. */
  forget?(): void;
}

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
    // Kept where another position is asked for: those who are further on come back for it in their next round.
    if (ahead?.position !== position) return undefined;
    const taken = ahead.run;
    ahead = undefined;
    return taken;
  }

  function readAhead(position: number): void {
    ahead = { position, run: read(position, pageEvents) };
    ahead.run.catch(() => {});
  }

  async function readPage(position: number, limit: number): Promise<FoldedEvent[]> {
    const wanted = Math.min(limit, pageEvents);
    let run = await takeAhead(position);
    // Nothing was there when it was read ahead: there may be by now.
    if (run === undefined || run.events.length === 0) run = await read(position, wanted);
    const { isFull } = run;
    const events = beforeGap(position, run.events);
    if (events.length > wanted) return events.slice(0, wanted);
    if (wanted === pageEvents && isFull) readAhead(events.at(-1)!.position);
    return events;
  }

  const isAhead = (position: number) => ahead?.position === position;

  function forget(): void {
    ahead = undefined;
  }

  return Object.assign(readPage, { isAhead, forget });
}

/** Reads a page where there must be one, since more was folded before. Throws EventMissing where there is none. */
export async function readKnown(
  readPage: PageReader,
  position: number,
  limit: number,
): Promise<FoldedEvent[]> {
  const events = await readPage(position, limit);
  if (events.length === 0) throw new EventMissing(position + 1);
  return events;
}
