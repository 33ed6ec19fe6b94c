// An event as a message of the stream: the body as received, and CloudEvents 1.0 attributes as headers.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/nats-protocol-binding.md
import { createHash } from 'node:crypto';
import type { MsgHdrs } from 'nats';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { type Series, seriesOf } from './series.js';
import { toToken } from './subject-token.js';

/** What the relay hands to NATS. */
export interface BusMessage {
  /** Of the event. */
  id: string;
  subject: string;
  /** The header block as the protocol has it, with the empty line behind it; ASCII. */
  head: string;
  /** May be a part of larger bytes, such as those of all that was read. */
  data: Uint8Array;
}

/** A body that is on the bus in place of one that is too large for it. */
export interface Claim {
  position: number;
  event_id: string;
  /** Length of the body in bytes. */
  bytes: number;
  /** SHA-256 of the body, hex. */
  sha256: string;
  /** Path of the body at the query API. */
  body: string;
}

/**
 * The message of an event. Its headers make the server refuse it unless the event before it is the stream's last
 * message: by sequence, and by id where `previousId` is given. Where body and headers are over `maxPayload` bytes,
 * the data is a `Claim`.
 */
export function toMessage(event: MirroredEvent, maxPayload: number, previousId?: string): BusMessage {
  const id = event.event_id;
  const series = seriesOf(event);
  const { subject } = series;
  const guard = previousId === undefined ? '' : `Nats-Expected-Last-Msg-Id: ${previousId}\r\n`;
  const head = `${attributesOf(event, id, series)}${guard}`;
  const { bytes, start, end } = event.raw;
  const body = bytes.subarray(start, end);
  if (head.length + CRLF.length + body.length <= maxPayload)
    return { id, subject, head: head + CRLF, data: body };
  const claim = claimOf(event, body);
  const proof = `Hookfold-Claim: ${claim.body}\r\nHookfold-Digest: ${claim.sha256}\r\n`;
  return { id, subject, head: head + proof + CRLF, data: Buffer.from(JSON.stringify(claim)) };
}

/** The headers of a message as `publish` and `request` take them. */
export function headersOf({ head }: BusMessage): MsgHdrs {
  // They ask for nothing but the encoding.
  return { encode: () => Buffer.from(head, 'latin1') } as unknown as MsgHdrs;
}

const CRLF = '\r\n';

// One template, not nats.js' MsgHdrs, which searches and validates for each header. No CR, LF or NUL can get in:
// ids and times are Postgres' own, all else is a token.
function attributesOf(event: MirroredEvent, id: string, { origin, about }: Series): string {
  const { position } = event;
  return `NATS/1.0\r
ce-specversion: 1.0\r
ce-id: ${id}\r
${origin}ce-time: ${event.received_at}\r
${subjectAttribute(event, about)}content-type: application/json\r
Hookfold-Position: ${position}\r
Nats-Msg-Id: ${id}\r
Nats-Expected-Last-Sequence: ${position - 1}\r
`;
}

// `{integration}/{type}/{resource}`, as much of it as the event names; CloudEvents allows no empty subject.
function subjectAttribute(event: MirroredEvent, about: string): string {
  const { integration_id, resource_type, resource_id } = event;
  if (resource_id !== null) return `ce-subject: ${about}/${toToken(resource_id)}\r\n`;
  if (resource_type !== null) return `ce-subject: ${about}\r\n`;
  return integration_id === null ? '' : `ce-subject: ${toToken(integration_id)}\r\n`;
}

function claimOf(event: MirroredEvent, body: Uint8Array): Claim {
  return {
    position: event.position,
    event_id: event.event_id,
    bytes: body.length,
    sha256: digestOf(body),
    body: `/v1/events/${event.position}/body`,
  };
}

/** SHA-256 of a body, hex: what `Hookfold-Digest` holds. */
export function digestOf(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
