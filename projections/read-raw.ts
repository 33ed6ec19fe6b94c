// Reads the three events about a resource, which most of a log is, from the bytes of their bodies: in one pass, with
// texts made only of what is kept. What is unusual in any way (an escape in an id, a member twice, a value that may not
// fit) is left to `readEvent`, which reads the text of the body.
//
//   {"workspace_id": …, "customer_id": …, "event": …, "state": …, "payload": {"id": …, │ "resource_id": …, …}}
//   the opening: bodies of one integration and one event mostly begin with the same    │ read each time
import type { JsonText } from '../schemas/columns.js';
import type { FoldedEvent, RawBody } from '../schemas/logged-event.js';
import { normaliseUuid } from '../schemas/text.js';
import { createTextMemo } from '../schemas/text-memo.js';
import {
  endOfPlainString,
  endOfValue,
  isNullAt,
  isObjectAt,
  isStringAt,
  type Scanned,
  skipColon,
  skipComma,
  skipSpace,
} from './byte-scan.js';
import { type Members, members, readMembers, UNUSUAL } from './read-members.js';

export type ResourceEventName =
  | 'integration_new_data_model'
  | 'integration_updated_data_model'
  | 'integration_deleted_data_model';

/** What a body about a resource holds, ids in one spelling. */
export interface RawReading {
  workspace_id: string;
  integration_id: string;
  customer_id: string | null | undefined;
  /** The envelope's, and the payload's. */
  envelopeState: string | null | undefined;
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

/** No shorter text is too long for a schema or an index. */
const LONGEST = 200;
const MOST_INTEGRATIONS = 1000;
/** A longer beginning has members that are not known, of any size. */
const LONGEST_OPENING = 2000;

const textOf = createTextMemo();

class Found implements RawReading {
  event = '';
  workspace_id = '';
  customer_id: string | null | undefined = undefined;
  envelopeState: string | null | undefined = undefined;
  state: string | null = null;
  id = '';
  integration_id = '';
  resource_id = '';
  type = '';
  diff: JsonText | null = null;
  data: JsonText | null = null;
  hasData = false;
  sync_timestamp: string | null = null;
  /** Where the payload's first member begins, once all of the envelope is read; where its id begins and ends. */
  payloadAt = 0;
  idAt = 0;
  idEnd = 0;
}

// The body that is being read: what was found of it, and the text that was read last.
let found = new Found();
let text: string | null = null;

const DATA: Members = members({
  sync_timestamp(body, at) {
    const isText = isStringAt(body.bytes, at);
    const end = isText ? readText(body, at) : endOfValue(body, at);
    found.sync_timestamp = isText ? text : null;
    return end;
  },
});

const PAYLOAD: Members = members({
  id(body, at) {
    const end = readText(body, at);
    found.id = text!;
    found.idAt = at;
    found.idEnd = end;
    return end;
  },
  // Seldom the same as any of the last ones.
  resource_id(body, at) {
    const end = endOfPlainString(body, at);
    if (end === UNUSUAL || end - at > LONGEST) return UNUSUAL;
    found.resource_id = body.bytes.toString('utf8', at + 1, end - 1);
    return end;
  },
  type(body, at) {
    const end = readText(body, at);
    found.type = text!;
    return end;
  },
  diff(body, at) {
    const end = endOfValue(body, at);
    found.diff = jsonOf(body.bytes, at, end);
    return end;
  },
  data(body, at) {
    const end = isObjectAt(body.bytes, at)
      ? readMembers(body, skipSpace(body.bytes, at + 1), DATA)
      : endOfValue(body, at);
    if (end !== UNUSUAL) found.data = jsonOf(body.bytes, at, end);
    found.hasData = true;
    return end;
  },
  state(body, at) {
    const end = readTextOrNull(body, at);
    found.state = text;
    return end;
  },
});

const ENVELOPE: Members = members({
  workspace_id(body, at) {
    const end = readText(body, at);
    found.workspace_id = text!;
    return end;
  },
  customer_id(body, at) {
    const end = readTextOrNull(body, at);
    found.customer_id = text;
    return end;
  },
  event(body, at) {
    const end = readText(body, at);
    found.event = text!;
    return end;
  },
  state(body, at) {
    const end = readTextOrNull(body, at);
    found.envelopeState = text;
    return end;
  },
  payload(body, at) {
    if (!isObjectAt(body.bytes, at)) return UNUSUAL;
    const first = skipSpace(body.bytes, at + 1);
    const isWhole = found.customer_id !== undefined && found.envelopeState !== undefined;
    if (isWhole && found.workspace_id && found.event) found.payloadAt = first;
    return readMembers(body, first, PAYLOAD);
  },
});
const ALL_OF_ENVELOPE = 2 ** ENVELOPE.length - 1;
const ONLY_ID = 1;

/** What the body of an event about a resource holds, or undefined where `readEvent` has to read its text. */
export function readRaw({ event, integration_id }: FoldedEvent, body: RawBody): RawReading | undefined {
  found = new Found();
  const opening = integration_id === null ? undefined : openings.get(integration_id)?.get(event);
  const isKnown = opening !== undefined && startsWith(body, opening.bytes);
  const end = isKnown ? readBehind(opening, body) : readWhole(body);
  if (end === UNUSUAL || found.event !== event || !found.workspace_id || !found.id) return undefined;
  if (!found.resource_id || !found.type) return undefined;
  if (event === 'integration_updated_data_model' && !found.hasData) return undefined;
  if (!isKnown) {
    found.workspace_id = normaliseUuid(found.workspace_id);
    found.integration_id = normaliseUuid(found.id);
    rememberOpening(body);
  }
  return found;
}

function readWhole(body: RawBody): number {
  const { bytes, start } = body;
  return readMembers(body, skipSpace(bytes, skipSpace(bytes, start) + 1), ENVELOPE);
}

/** Of all bodies of an integration and an event: the bytes up to the payload's second member, and what they say. */
interface Opening {
  bytes: Buffer;
  event: string;
  workspace_id: string;
  customer_id: string | null | undefined;
  envelopeState: string | null | undefined;
  id: string;
  integration_id: string;
}

const openings = new Map<string, Map<string, Opening>>();

function rememberOpening({ bytes, start }: RawBody): void {
  const { payloadAt, idAt, idEnd, event, workspace_id, customer_id, envelopeState, id, integration_id } =
    found;
  const isIdFirst = payloadAt > 0 && skipColon(bytes, payloadAt + '"id"'.length) === idAt;
  const behind = skipComma(bytes, idEnd);
  if (!isIdFirst || behind - start > LONGEST_OPENING) return;
  if (openings.size >= MOST_INTEGRATIONS) openings.clear();
  const beginning = Buffer.from(bytes.subarray(start, behind));
  const ofIntegration = openings.get(integration_id) ?? new Map<string, Opening>();
  openings.set(integration_id, ofIntegration);
  ofIntegration.set(event, {
    bytes: beginning,
    event,
    workspace_id,
    customer_id,
    envelopeState,
    id,
    integration_id,
  });
}

function startsWith({ bytes, start, end }: RawBody, beginning: Buffer): boolean {
  const behind = start + beginning.length;
  return behind < end && beginning.compare(bytes, start, behind) === 0;
}

function readBehind(opening: Opening, body: RawBody): number {
  found.event = opening.event;
  found.workspace_id = opening.workspace_id;
  found.customer_id = opening.customer_id;
  found.envelopeState = opening.envelopeState;
  found.id = opening.id;
  found.integration_id = opening.integration_id;
  const end = readMembers(body, body.start + opening.bytes.length, PAYLOAD, ONLY_ID);
  return end === UNUSUAL ? UNUSUAL : readMembers(body, skipComma(body.bytes, end), ENVELOPE, ALL_OF_ENVELOPE);
}

function readText(body: Scanned, at: number): number {
  const end = endOfPlainString(body, at);
  if (end === UNUSUAL || end - at > LONGEST) return UNUSUAL;
  text = textOf(body.bytes, at + 1, end - 1);
  return end;
}

function readTextOrNull(body: Scanned, at: number): number {
  if (!isNullAt(body.bytes, at)) return readText(body, at);
  text = null;
  return endOfValue(body, at);
}

function jsonOf(bytes: Buffer, start: number, end: number): JsonText | null {
  return isNullAt(bytes, start) ? null : (bytes.toString('utf8', start, end) as JsonText);
}
