// Reads the three events about a resource, which most of a log is, from the bytes of their bodies: in one pass, with
// texts made only of what is kept. What is unusual in any way (an escape in an id, a member twice, a value that may not
// fit) is left to `readEvent`, which reads the text of the body.
import type { JsonText } from '../schemas/columns.js';
import type { RawBody } from '../schemas/logged-event.js';
import { createTextMemo } from '../schemas/text-memo.js';
import {
  endOfPlainString,
  endOfValue,
  isNullAt,
  isObjectAt,
  isStringAt,
  skipColon,
  skipComma,
  skipSpace,
} from './byte-scan.js';

export type ResourceEventName =
  | 'integration_new_data_model'
  | 'integration_updated_data_model'
  | 'integration_deleted_data_model';

/** What a body about a resource holds; null where a member is absent or JSON's null. */
export interface RawReading {
  workspace_id: string;
  customer_id: string | null;
  /** The payload's, else the envelope's. */
  state: string | null;
  /** As it is spelled. */
  id: string;
  resource_id: string;
  type: string;
  diff: JsonText | null;
  data: JsonText | null;
  /** `data.sync_timestamp`, where it is a string. */
  sync_timestamp: string | null;
}

/** Where the value of a member ends that begins at `at`, after it was read; `UNUSUAL` where it is left to `readEvent`. */
type ReadMember = (bytes: Buffer, at: number) => number;
type Members = readonly { name: Buffer; read: ReadMember }[];

const UNUSUAL = -1;
/** No shorter text is too long for a schema or an index. */
const LONGEST = 200;

const textOf = createTextMemo();

// One for all bodies: what an event needs is copied out of it.
let text: string | null;
let found: RawReading & { event: string; envelopeState: string | null; isData: boolean };

const nothing = () => ({
  event: '',
  workspace_id: '',
  customer_id: null,
  state: null,
  envelopeState: null,
  id: '',
  resource_id: '',
  type: '',
  diff: null,
  data: null,
  isData: false,
  sync_timestamp: null,
});

const DATA: Members = members({
  sync_timestamp(bytes, at) {
    const end = isStringAt(bytes, at) ? readText(bytes, at) : endOfValue(bytes, at);
    found.sync_timestamp = isStringAt(bytes, at) ? text : null;
    return end;
  },
});

const PAYLOAD: Members = members({
  id(bytes, at) {
    const end = readText(bytes, at);
    found.id = text!;
    return end;
  },
  // Seldom the same as any of the last ones.
  resource_id(bytes, at) {
    const end = endOfPlainString(bytes, at);
    if (end === UNUSUAL || end - at > LONGEST) return UNUSUAL;
    found.resource_id = bytes.toString('utf8', at + 1, end - 1);
    return end;
  },
  type(bytes, at) {
    const end = readText(bytes, at);
    found.type = text!;
    return end;
  },
  diff(bytes, at) {
    const end = endOfValue(bytes, at);
    found.diff = jsonOf(bytes, at, end);
    return end;
  },
  data(bytes, at) {
    const end = isObjectAt(bytes, at) ? readMembers(bytes, at, DATA) : endOfValue(bytes, at);
    if (end !== UNUSUAL) found.data = jsonOf(bytes, at, end);
    found.isData = true;
    return end;
  },
  state(bytes, at) {
    const end = readTextOrNull(bytes, at);
    found.state = text;
    return end;
  },
});

const ENVELOPE: Members = members({
  workspace_id(bytes, at) {
    const end = readText(bytes, at);
    found.workspace_id = text!;
    return end;
  },
  customer_id(bytes, at) {
    const end = readTextOrNull(bytes, at);
    found.customer_id = text;
    return end;
  },
  event(bytes, at) {
    const end = readText(bytes, at);
    found.event = text!;
    return end;
  },
  state(bytes, at) {
    const end = readTextOrNull(bytes, at);
    found.envelopeState = text;
    return end;
  },
  payload: (bytes, at) => (isObjectAt(bytes, at) ? readMembers(bytes, at, PAYLOAD) : UNUSUAL),
});

/** What the body of an event of this name holds, or undefined where `readEvent` has to read its text. */
export function readRaw(name: ResourceEventName, { bytes, start }: RawBody): RawReading | undefined {
  found = nothing();
  if (readMembers(bytes, skipSpace(bytes, start), ENVELOPE) === UNUSUAL) return undefined;
  if (found.event !== name || !found.workspace_id || !found.id) return undefined;
  if (!found.resource_id || !found.type) return undefined;
  if (name === 'integration_updated_data_model' && !found.isData) return undefined;
  found.state ??= found.envelopeState;
  return found;
}

function members(readers: Record<string, ReadMember>): Members {
  return Object.entries(readers).map(([name, read]) => ({ name: Buffer.from(name), read }));
}

// The sender writes its members in one order: the one behind the last is looked at first.
function readMembers(bytes: Buffer, start: number, known: Members): number {
  let seen = 0;
  let next = 0;
  let at = skipSpace(bytes, start + 1);
  while (isStringAt(bytes, at)) {
    const endOfName = endOfPlainString(bytes, at);
    if (endOfName === UNUSUAL) return UNUSUAL;
    const index = indexOfName(bytes, at + 1, endOfName - 1, known, next);
    at = skipColon(bytes, endOfName);
    if (index < 0) at = endOfValue(bytes, at);
    else {
      if ((seen & (1 << index)) !== 0) return UNUSUAL;
      seen |= 1 << index;
      next = index + 1;
      at = known[index]!.read(bytes, at);
      if (at === UNUSUAL) return UNUSUAL;
    }
    at = skipComma(bytes, at);
  }
  return at + 1;
}

function indexOfName(bytes: Buffer, start: number, end: number, known: Members, next: number): number {
  if (next < known.length && isName(bytes, start, end, known[next]!.name)) return next;
  for (let index = 0; index < known.length; index++)
    if (isName(bytes, start, end, known[index]!.name)) return index;
  return -1;
}

function isName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name[at]) return false;
  return true;
}

function readText(bytes: Buffer, at: number): number {
  const end = endOfPlainString(bytes, at);
  if (end === UNUSUAL || end - at > LONGEST) return UNUSUAL;
  text = textOf(bytes, at + 1, end - 1);
  return end;
}

function readTextOrNull(bytes: Buffer, at: number): number {
  if (!isNullAt(bytes, at)) return readText(bytes, at);
  text = null;
  return endOfValue(bytes, at);
}

function jsonOf(bytes: Buffer, start: number, end: number): JsonText | null {
  return isNullAt(bytes, start) ? null : (bytes.toString('utf8', start, end) as JsonText);
}
