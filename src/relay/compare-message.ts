import type { MsgHdrs } from 'nats';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { digestOf } from '../bus/message.js';
import { subjectOf } from '../bus/subject.js';

/** What a stored message and a delivered one have in common. */
export interface ReceivedMessage {
  subject: string;
  headers: MsgHdrs | undefined;
  data: Uint8Array;
}

type Described = Omit<MirroredEvent, 'raw'>;

/** What is wrong with the stream's message for an event: a phrase, undefined if it is the event's copy. */
export function differenceOf(message: ReceivedMessage, event: Described): string | undefined {
  const { headers } = message;
  const id = headers?.get('ce-id');
  if (!headers || !id) return 'is no event of hookfold (it has no ce-id)';
  if (id !== event.event_id) return `is event ${id}, the log has ${event.event_id}`;
  const position = headers.get('Hookfold-Position');
  if (position !== String(event.position)) return `says it is position ${position}`;
  if (message.subject !== subjectOf(event)) return `has the subject ${message.subject}`;
  return sameBody(headers, message.data, event) ? undefined : 'has another body than the log';
}

function sameBody(headers: MsgHdrs, data: Uint8Array, event: Described): boolean {
  if (headers.has('Hookfold-Claim')) return headers.get('Hookfold-Digest') === digestOf(event.body);
  return Buffer.from(event.body).equals(data);
}
