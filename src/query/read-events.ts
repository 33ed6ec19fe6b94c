// Events of the log, as lists, the live stream and single answers read them. Where a part of the log is detached nothing
// is passed over: a page ends before it, and there is none that begins in it.
import { sql } from 'kysely';
import type pg from 'pg';
import { EventMissing, type Missing, missingWithin, readBesideMissing } from '../log/missing-event.js';
import type { Part } from './columns.js';
import type { QueryDeps } from './deps.js';
import { eventPart } from './event-columns.js';
import { type EventRange, windowOf } from './event-window.js';
import { HEAD } from './positions.js';
import { type Listing, readOne, readPage } from './read-page.js';
import { EVENT_LOG, type Scope, scoped } from './scope.js';
import type { Texts } from './statement.js';

/** Events that are looked through for a page at the most, where no index serves what is asked for. */
const WINDOW_EVENTS = 200_000;
/** So many first: what is frequent is found in them. */
const FIRST_EVENTS = 1000;

export interface EventsRequest extends EventRange {
  limit: number;
  /** Whether rows have the body. */
  body: boolean;
  /** See `PageRequest`. */
  bytes?: number;
}

export interface EventsPage {
  /** The log's head. */
  position: number;
  /** As `eventToJson` takes them. */
  rows: Texts[];
  /** The last position that was looked at, where there may be more behind it: the next page's `after` (or `before`). */
  reached: number | undefined;
}

const LIST = {
  name: 'event',
  position: HEAD,
  key: [{ column: 'e.position', part: 'position' }],
} satisfies Partial<Listing>;

const positionOf = (row: Texts) => Number(row[0]);

/**
 * The events of a range, from its one end, `limit` at the most. There may be fewer, or none, and yet more behind them. Throws
 * EventMissing where the first position that is to be looked at is in a part of the log that is detached.
 */
export async function readEvents(
  { log, windowEvents = WINDOW_EVENTS }: Pick<QueryDeps, 'log' | 'windowEvents'>,
  request: EventsRequest,
): Promise<EventsPage> {
  const isRising = request.order === 'asc';
  const found: Texts[] = [];
  let head: number | undefined;
  for (let range = request, looked = 0; ; ) {
    const size = Math.min(looked === 0 ? FIRST_EVENTS : windowEvents, windowEvents - looked);
    const { answer, missing } = await readBesideMissing(log, () => readWindow(log, range, size));
    const page = isRising ? beforeGap(answer, range, missing) : behindGap(answer, range, missing);
    // What came meanwhile lies before where a falling list begins.
    head = isRising ? page.position : (head ?? page.position);
    found.push(...page.rows);
    looked += size;
    const { reached } = page;
    if (reached === undefined || page !== answer || page.isFull || looked >= windowEvents)
      return { position: head, rows: found, reached };
    const limit = request.limit - found.length;
    range = isRising ? { ...range, limit, after: reached } : { ...range, limit, before: reached };
  }
}

interface Window extends EventsPage {
  /** There is no room for more rows. */
  isFull: boolean;
}

async function readWindow(log: pg.Pool, request: EventsRequest, size: number): Promise<Window> {
  const { scope, order, limit, body, bytes } = request;
  const { where, edge } = await windowOf(log, request, size);
  const from = (part: Scope) => scoped(part, EVENT_LOG, 'e');
  const parts = [eventPart('e', body)];
  const listing = { ...LIST, from, where, scope, parts, descending: order === 'desc' };
  const { position, rows, nextCursor } = await readPage(
    log,
    listing,
    bytes === undefined ? { limit } : { limit, bytes },
  );
  const isFull = nextCursor !== null || rows.length === limit;
  return { position, rows, reached: nextCursor === null ? edge(position) : positionOf(rows.at(-1)!), isFull };
}

function beforeGap(page: Window, { after, before }: EventRange, missing: Missing[]): Window {
  const end = Math.min(page.position, (before ?? Number.POSITIVE_INFINITY) - 1);
  const gaps = missingWithin(missing, after + 1, page.reached ?? end);
  if (gaps.length === 0) return page;
  const gap = Math.min(...gaps.map(({ first }) => first));
  if (gap === after + 1) throw new EventMissing(gap);
  return { ...page, rows: page.rows.filter((row) => positionOf(row) < gap), reached: gap - 1 };
}

function behindGap(page: Window, { after, before }: EventRange, missing: Missing[]): Window {
  const start = Math.min(page.position, (before ?? Number.POSITIVE_INFINITY) - 1);
  const gaps = missingWithin(missing, page.reached ?? after + 1, start);
  if (gaps.length === 0) return page;
  const gap = Math.max(...gaps.map(({ last }) => last));
  if (gap === start) throw new EventMissing(gap);
  return { ...page, rows: page.rows.filter((row) => positionOf(row) > gap), reached: gap + 1 };
}

/** The event at a position, if the scope may see it. Throws EventMissing where that is in a part of the log that is detached. */
export async function readEventAt(
  log: pg.Pool,
  scope: Scope,
  position: number,
  part: Part,
): Promise<{ position: number; row: Texts | undefined }> {
  const read = () =>
    readOne(log, {
      ...LIST,
      scope,
      from: (part) => scoped(part, EVENT_LOG, 'e'),
      where: [sql`e.position = ${position}`],
      parts: [part],
    });
  const found = await read();
  if (found.row) return found;
  const { answer, missing } = await readBesideMissing(log, read);
  if (!answer.row && missingWithin(missing, position, position).length > 0) throw new EventMissing(position);
  return answer;
}
