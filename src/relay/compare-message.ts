import type { StoredMsg } from 'nats';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { digestOf } from '../bus/message.js';
import { subjectOf } from '../bus/subject.js';

/** What is wrong with the stream's message for an event: a phrase, undefined if it is the event's copy. */
export function differenceOf(message: StoredMsg, event: LoggedEvent): string | undefined {
  const { header } = message;
  const id = header?.get('ce-id') ?? '';
  if (id === '') return 'is no event of hookfold (it has no ce-id)';
  if (id !== event.event_id) return `is event ${id}, the log has ${event.event_id}`;
  const position = header.get('Hookfold-Position');
  if (position !== String(event.position)) return `says it is position ${position}`;
  if (message.subject !== subjectOf(event)) return `has the subject ${message.subject}`;
  return sameBody(message, event) ? undefined : 'has another body than the log';
}

function sameBody({ header, data }: StoredMsg, event: LoggedEvent): boolean {
  if (header.has('Hookfold-Claim')) return header.get('Hookfold-Digest') === digestOf(event.body);
  return Buffer.from(event.body).equals(data);
}
