// A response that stays open and carries server-sent events.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

export interface EventStream {
  /** Writes an event. Resolves when there is room for the next. */
  send(id: number, data: string): Promise<void>;
  /** Tells the client how far the log is, without an event. */
  beat(id: number): Promise<void>;
  end(): void;
}

/** A client that takes no byte for so long is cut off. */
const STALLED_MS = 30_000;
const RETRY_MS = 1000;

/** Begins the response; `ended` is aborted when the client goes, or at once where it has gone already. */
export function openEventStream(raw: ServerResponse, ended: AbortController, after: number): EventStream {
  if (raw.destroyed) ended.abort();
  raw.on('close', () => ended.abort());
  raw.on('error', () => ended.abort());
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'hookfold-position': String(after),
    'x-accel-buffering': 'no',
    // A connection that was kept for a next request would hold up the end of the process.
    connection: 'close',
  });

  // Node takes a large event that goes out piece by piece for activity, and tells of a timeout where nothing does.
  raw.on('timeout', () => raw.destroy());

  async function write(text: string): Promise<void> {
    if (raw.write(text) || ended.signal.aborted) return;
    raw.setTimeout(STALLED_MS);
    await once(raw, 'drain', { signal: ended.signal }).catch(() => {});
    raw.setTimeout(0);
  }

  void write(`retry: ${RETRY_MS}\nid: ${after}\n\n`);
  return {
    // JSON may have line breaks between its tokens, and there they mean nothing.
    send: (id, data) => write(`id: ${id}\ndata: ${data.replaceAll(/\r\n?|\n/g, '\ndata: ')}\n\n`),
    beat: (id) => write(`id: ${id}\n\n`),
    end: () => void raw.end(),
  };
}
