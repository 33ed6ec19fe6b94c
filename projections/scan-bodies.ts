// Finds, in the bytes of a run's bodies, what the three events about a resource say, which most of a log is: in one
// pass, without making a text. What is unusual in any way (an escape in an id, a member twice, a value that may not fit)
// is left out, and read from the body's text.
//
//   {"workspace_id": …, "customer_id": …, "event": …, "state": …, "payload": {"id": …, │ "resource_id": …, …}}
//   the opening: bodies of one integration and one event mostly begin with the same    │ looked at each time
import { type BodyScan, MARK, MARKS, OPENING_MARK, OPENING_MARKS } from '../schemas/body-scan.js';
import type { FoldedEvent, RawBody } from '../schemas/logged-event.js';
import {
  depthOf,
  endOfPlainString,
  endOfString,
  endOfValue,
  isNameBefore,
  isNullAt,
  isObjectAt,
  isStringAt,
  nextMark,
  type Scanned,
  skipColon,
  skipComma,
  skipSpace,
} from './byte-scan.js';
import { isName, type Members, members, type ReadMember, readMembers, UNUSUAL } from './read-members.js';

const UPDATED = 'integration_updated_data_model';
const ABOUT_RESOURCE = new Set(['integration_new_data_model', UPDATED, 'integration_deleted_data_model']);

/** No shorter text is too long for a schema or an index. */
const LONGEST = 200;
/** A longer beginning has members that are not known, of any size. */
const LONGEST_OPENING = 2000;

/** Bodies that begin with these bytes begin with this opening. */
interface Opening {
  number: number;
  start: number;
  end: number;
}

// The body that is being looked at: where its parts are.
const marks = new Int32Array(MARKS);
const opening = new Int32Array(OPENING_MARKS);
/** Its event's name, inside of the quotes. */
let nameAt = 0;
let nameEnd = 0;
let hasCustomer = false;
let hasState = false;
let hasData = false;
/** Where the payload's first member begins, if all of the envelope stands before it. */
let payloadAt = 0;

const PAYLOAD: Members = members({
  id: plainText(opening, OPENING_MARK.id),
  resource_id: plainText(marks, MARK.resourceId),
  type: plainText(marks, MARK.type),
  diff: anyValue(MARK.diff),
  data(body, at) {
    hasData = true;
    return isObjectAt(body.bytes, at) ? dataObject(body, at) : anyData(body, at);
  },
  state: plainTextOrNull(marks, MARK.state),
});
const ID_SEEN = 1;
const anyData = anyValue(MARK.data);
const syncTimestamp = plainText(marks, MARK.syncTimestamp);
const SYNC_TIMESTAMP = Buffer.from('sync_timestamp');
const customerId = plainTextOrNull(opening, OPENING_MARK.customerId);
const envelopeState = plainTextOrNull(opening, OPENING_MARK.state);

const ENVELOPE: Members = members({
  workspace_id: plainText(opening, OPENING_MARK.workspaceId),
  customer_id(body, at) {
    hasCustomer = true;
    return customerId(body, at);
  },
  event(body, at) {
    const end = endOfPlainString(body, at);
    nameAt = at + 1;
    nameEnd = end - 1;
    return end;
  },
  state(body, at) {
    hasState = true;
    return envelopeState(body, at);
  },
  payload(body, at) {
    if (!isObjectAt(body.bytes, at)) return UNUSUAL;
    const first = skipSpace(body.bytes, at + 1);
    if (hasCustomer && hasState && nameAt > 0 && opening[OPENING_MARK.workspaceId]! > 0) payloadAt = first;
    return readMembers(body, first, PAYLOAD);
  },
});
const ALL_SEEN = 2 ** ENVELOPE.length - 1;

/** What is looked at of an event. */
export type Scannable = Pick<FoldedEvent, 'event' | 'integration_id' | 'raw'>;

/** Looks at the bodies of a run of `count` events, read as bytes into one buffer. Each is looked at as it comes. */
export function scanBodies(events: Iterable<Scannable>, count: number): BodyScan {
  const all = new Int32Array(count * MARKS);
  const openings: number[] = [];
  const known = new Map<string, Map<string | null, Opening>>();

  function scan({ event, integration_id }: Scannable, body: RawBody): void {
    marks.fill(0);
    const like = known.get(event)?.get(integration_id);
    if (like !== undefined && startsLike(body, like)) {
      hasData = false;
      if (scanBehind(body, like) !== UNUSUAL && isWhole(event)) marks[MARK.opening] = like.number + 1;
      return;
    }
    if (scanWhole(body) === UNUSUAL || !isWhole(event) || !isNamed(body, event)) return;
    if (isEmpty(opening, OPENING_MARK.workspaceId) || isEmpty(opening, OPENING_MARK.id)) return;
    const number = openings.length / OPENING_MARKS;
    openings.push(...opening);
    marks[MARK.opening] = number + 1;
    const end = endOfOpening(body);
    if (end === undefined) return;
    const ofEvent = known.get(event) ?? new Map<string | null, Opening>();
    known.set(event, ofEvent.set(integration_id, { number, start: body.start, end }));
  }

  let index = 0;
  for (const event of events) {
    const at = MARKS * index++;
    if (event.raw === undefined || !ABOUT_RESOURCE.has(event.event)) continue;
    scan(event, event.raw);
    if (marks[MARK.opening]! > 0) all.set(marks, at);
  }
  return { marks: all, openings: Int32Array.from(openings), texts: [] };
}

function scanWhole(body: RawBody): number {
  opening.fill(0);
  nameAt = 0;
  hasCustomer = false;
  hasState = false;
  hasData = false;
  payloadAt = 0;
  const { bytes, start } = body;
  return readMembers(body, skipSpace(bytes, skipSpace(bytes, start) + 1), ENVELOPE);
}

function scanBehind(body: RawBody, { start, end }: Opening): number {
  const behind = readMembers(body, body.start + end - start, PAYLOAD, ID_SEEN);
  return behind === UNUSUAL ? UNUSUAL : readMembers(body, skipComma(body.bytes, behind), ENVELOPE, ALL_SEEN);
}

// Four bytes at a time, then one by one.
function startsLike({ bytes, view, start, end }: RawBody, like: Opening): boolean {
  const length = like.end - like.start;
  if (start + length >= end) return false;
  let at = 0;
  for (; at + 4 <= length; at += 4)
    if (view.getInt32(start + at) !== view.getInt32(like.start + at)) return false;
  for (; at < length; at++) if (bytes[start + at] !== bytes[like.start + at]) return false;
  return true;
}

/** Up to the payload's second member, where the first is its id and the whole envelope stands before. */
function endOfOpening({ bytes, start }: RawBody): number | undefined {
  const idAt = opening[OPENING_MARK.id]! - 1;
  if (payloadAt === 0 || skipColon(bytes, payloadAt + '"id"'.length) !== idAt) return undefined;
  const end = skipComma(bytes, opening[OPENING_MARK.id + 1]! + 1);
  return end - start > LONGEST_OPENING ? undefined : end;
}

const isEmpty = (of: Int32Array, place: number) => of[place] === of[place + 1];

function isWhole(event: string): boolean {
  if (isEmpty(marks, MARK.resourceId) || isEmpty(marks, MARK.type)) return false;
  return event !== UPDATED || hasData;
}

const isNamed = ({ bytes }: RawBody, event: string) => bytes.toString('utf8', nameAt, nameEnd) === event;

function mark(of: Int32Array, place: number, start: number, end: number): void {
  of[place] = start;
  of[place + 1] = end;
}

/** Marks the inside of a string that is its own text, and short. */
function plainText(of: Int32Array, place: number): ReadMember {
  return (body, at) => {
    const end = endOfPlainString(body, at);
    if (end === UNUSUAL || end - at > LONGEST) return UNUSUAL;
    mark(of, place, at + 1, end - 1);
    return end;
  };
}

function plainTextOrNull(of: Int32Array, place: number): ReadMember {
  const text = plainText(of, place);
  return (body, at) => (isNullAt(body.bytes, at) ? endOfValue(body, at) : text(body, at));
}

/** Marks a value, unless it is null. */
function anyValue(place: number): ReadMember {
  return (body, at) => {
    const end = endOfValue(body, at);
    if (!isNullAt(body.bytes, at)) mark(marks, place, at, end);
    return end;
  };
}

// As `readMembers` with one name, in half the time: no name is looked at that has another length.
function dataObject(body: Scanned, start: number): number {
  const { bytes } = body;
  let depth = 1;
  let isSeen = false;
  for (let at = start + 1; at < bytes.length; at++) {
    if (!isStringAt(bytes, at)) {
      depth += depthOf(bytes[at]!);
      if (depth > 0) continue;
      mark(marks, MARK.data, start, at + 1);
      return at + 1;
    }
    const first = nextMark(body, at + 1);
    const isPlain = isStringAt(bytes, first);
    const end = isPlain ? first + 1 : endOfString(body, at);
    if (depth === 1 && mayBeName(bytes, at + 1, first, isPlain) && isNameBefore(bytes, end)) {
      if (!isPlain || isSeen) return UNUSUAL;
      isSeen = true;
      const value = skipColon(bytes, end);
      at = isStringAt(bytes, value) ? syncTimestamp(body, value) : endOfValue(body, value);
      if (at === UNUSUAL) return UNUSUAL;
      at -= 1;
    } else at = end - 1;
  }
  throw new RangeError('a JSON object has no end');
}

// With an escape in it, a name may be spelled in another way.
function mayBeName(bytes: Buffer, start: number, end: number, isPlain: boolean): boolean {
  return !isPlain || isName(bytes, start, end, SYNC_TIMESTAMP);
}
