import { memberText } from '../../../projections/json-text.js';
import type { RejectedReason } from '../../../schemas/http-ingest.js';
import { admit } from '../../ingest/admit.js';
import { MAX_DEPTH, parseWebhook } from '../../ingest/parse-webhook.js';
import type { NewEvent } from '../../log/new-event.js';

/** A line that is no event, and why. */
export interface BadLine {
  reason: RejectedReason;
  detail?: string;
}

/**
 * The event of a line: a webhook's body, or `{"received_at", "body"}` of an archive, `body` being the webhook (its
 * text is taken as it stands) or a text that holds it. Its body may have `bodyBytes` and be as deep as at the door,
 * whatever else is in the line.
 */
export function interpretLine(
  line: Buffer,
  source: string,
  now: string,
  bodyBytes: number,
): NewEvent | BadLine {
  const event = admit(line, {}, undefined, { source, received_at: now });
  if (event === 'no_envelope' || (event === 'too_deep' && mayBeArchived(line)))
    return interpretArchived(line, source, bodyBytes);
  if (line.length > bodyBytes) return { reason: 'too_large' };
  return typeof event === 'string' ? { reason: event } : event;
}

// Such a line is a level deeper than its body.
function mayBeArchived(line: Buffer): boolean {
  return parseWebhook(line, {}, MAX_DEPTH + 1) === 'no_envelope';
}

function interpretArchived(line: Buffer, source: string, bodyBytes: number): NewEvent | BadLine {
  const text = line.toString();
  const archived = JSON.parse(text);
  if (archived === null || typeof archived !== 'object' || !('body' in archived))
    return { reason: 'no_envelope' };
  const receivedAt = toInstant(archived.received_at);
  if (receivedAt === undefined) return { reason: 'no_envelope', detail: NO_TIME };
  const body = Buffer.from(typeof archived.body === 'string' ? archived.body : memberText(text, 'body')!);
  if (body.length > bodyBytes) return { reason: 'too_large' };
  const event = admit(body, {}, undefined, { source, received_at: receivedAt });
  return typeof event === 'string' ? { reason: event } : event;
}

const NO_TIME =
  'received_at is no RFC 3339 time of the years 1970 to 9999 in UTC, such as 2026-11-23T22:46:00Z';
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

// Years that are no four digits, or before our era, Postgres writes in forms that no reader of the log expects.
function toInstant(text: unknown): string | undefined {
  if (typeof text !== 'string' || !RFC_3339.test(text)) return undefined;
  const time = new Date(text);
  const year = time.getUTCFullYear();
  return year >= 1970 && year <= 9999 ? time.toISOString() : undefined;
}
