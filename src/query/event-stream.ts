// A response that stays open and carries server-sent events.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface EventStream {
  /** Writes an event. Resolves when there is room for the next. */
  send(id: number, data: string): Promise<void>;
  /** Tells the client how far the log is, without an event. */
  beat(id: number): Promise<void>;
  end(): void;
}

/** A client that takes nothing for so long is cut off. */
const STALLED_MS = 30_000;
const RETRY_MS = 1000;

/** Begins the response; `ended` is aborted when the client goes. */
export function openEventStream(raw: ServerResponse, ended: AbortController, after: number): EventStream {
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

  async function write(text: string): Promise<void> {
    if (raw.write(text) || ended.signal.aborted) return;
    const { signal } = ended;
    const stalled = delay(STALLED_MS, true, { signal, ref: false });
    const drained = once(raw, 'drain', { signal }).then(() => false);
    if (await Promise.race([stalled, drained]).catch(() => false)) raw.destroy();
    stalled.catch(() => {});
    drained.catch(() => {});
  }

  void write(`retry: ${RETRY_MS}\nid: ${after}\n\n`);
  return {
    // JSON may have line breaks between its tokens, and there they mean nothing.
    send: (id, data) => write(`id: ${id}\ndata: ${data.replaceAll(/\r\n?|\n/g, '\ndata: ')}\n\n`),
    beat: (id) => write(`id: ${id}\n\n`),
    end: () => void raw.end(),
  };
}
