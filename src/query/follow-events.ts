// Reads the log behind a position for as long as someone listens.
import type { Static } from '@sinclair/typebox';
import { sql } from 'kysely';
import type { LiveQuery } from '../../schemas/http-query-requests.js';
import { Problem } from '../http/problem.js';
import type { QueryDeps } from './deps.js';
import { eventPart, eventToJson } from './event-columns.js';
import { eventFilters } from './event-filters.js';
import type { EventStream } from './event-stream.js';
import { HEAD } from './positions.js';
import { readPage } from './read-page.js';
import { EVENT_LOG, type Scope, scoped } from './scope.js';

const BEAT_MS = 15_000;
const PAGE = 200;

export interface Following {
  query: Static<typeof LiveQuery>;
  after: number;
  /** Asked before every reading: a key that was revoked ends the stream. */
  scope(): Promise<Scope>;
  stream: EventStream;
  signal: AbortSignal;
}

/** Sends events as they come, until the signal; throws when the log cannot be read or the key has ended. */
export async function followEvents(deps: QueryDeps, following: Following): Promise<void> {
  const { stream, signal } = following;
  for (let last = following.after; !signal.aborted; ) {
    const { position, rows, more } = await readBehind(deps, following, last);
    for (const row of rows) {
      if (signal.aborted) return;
      await stream.send(Number(row[0]), eventToJson(row, true));
    }
    // All up to the position was looked at, whether it was asked for or not.
    last = more ? Number(rows.at(-1)![0]) : Math.max(last, position);
    if (!more && !(await hasNews(deps, last, signal))) await stream.beat(last);
  }
}

async function readBehind({ log }: QueryDeps, { query, scope }: Following, last: number) {
  const page = await readPage(
    log,
    {
      name: 'live',
      position: HEAD,
      scope: await scope(),
      from: (part) => scoped(part, EVENT_LOG, 'e'),
      where: [...eventFilters(query), sql`e.position > ${last}`],
      parts: [eventPart('e', true)],
      key: [{ column: 'e.position', part: 'position' }],
    },
    { limit: PAGE },
  );
  return { ...page, more: page.nextCursor !== null };
}

// The end of the stream is news, too: nothing else may hold it up, since the process waits for its streams to stop.
async function hasNews({ head }: QueryDeps, last: number, signal: AbortSignal): Promise<boolean> {
  try {
    await head.waitFor({ models: ['log'], position: last + 1, timeoutMs: BEAT_MS, signal });
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === 'position-not-reached') return false;
    throw error;
  }
}
