// Reads the log behind a position for as long as someone listens.
import type { Static } from '@sinclair/typebox';
import type { LiveQuery } from '../../schemas/http-query-requests.js';
import { Problem } from '../http/problem.js';
import type { QueryDeps } from './deps.js';
import { eventToJson } from './event-columns.js';
import type { EventStream } from './event-stream.js';
import { readEvents } from './read-events.js';
import type { Scope } from './scope.js';

/** See `QueryDeps`. */
const BEAT_MS = 15_000;
const PAGE = 200;
/** Small: each stream holds a page while its client takes it. */
const PAGE_BYTES = 1024 * 1024;

export interface Following {
  query: Static<typeof LiveQuery>;
  after: number;
  /** Asked before every reading: a key that was revoked ends the stream. */
  scope(): Promise<Scope>;
  stream: EventStream;
  signal: AbortSignal;
}

/**
 * Sends events as they come, until the signal; throws when the log cannot be read, at a part of it that is detached, or when
 * the key has ended. Where there is nothing to send, be it that the log is quiet or that other events come, it says from
 * time to time how far it has looked.
 */
export async function followEvents(deps: QueryDeps, following: Following): Promise<void> {
  const { stream, signal } = following;
  const { beatMs = BEAT_MS } = deps;
  let beatAt = Date.now() + beatMs;
  for (let last = following.after; !signal.aborted; ) {
    const { rows, through } = await readBehind(deps, following, last);
    for (const row of rows) {
      if (signal.aborted) return;
      await stream.send(Number(row[0]), eventToJson(row, true));
    }
    last = through;
    const isQuiet = !(await hasNews(deps, last, { signal, timeoutMs: Math.max(0, beatAt - Date.now()) }));
    if (isQuiet || Date.now() >= beatAt) await stream.beat(last);
    else if (rows.length === 0) continue;
    beatAt = Date.now() + beatMs;
  }
}

// `through`: all up to that position was looked at, whether it was asked for or not.
async function readBehind(deps: QueryDeps, { query, scope }: Following, last: number) {
  const { rows, position, reached } = await readEvents(deps, {
    filter: query,
    scope: await scope(),
    after: last,
    order: 'asc',
    limit: PAGE,
    body: true,
    bytes: PAGE_BYTES,
  });
  return { rows, through: Math.max(last, reached ?? position) };
}

// The end of the stream is news, too: nothing else may hold it up, since the process waits for its streams to stop.
async function hasNews(
  { head }: QueryDeps,
  last: number,
  wait: { signal: AbortSignal; timeoutMs: number },
): Promise<boolean> {
  try {
    await head.waitFor({ models: ['log'], position: last + 1, ...wait });
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === 'position-not-reached') return false;
    throw error;
  }
}
