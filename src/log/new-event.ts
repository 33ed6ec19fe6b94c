import { describeWebhook, type WebhookColumns } from '../../schemas/describe-webhook.js';
import type { Envelope } from '../../schemas/envelope.js';
import { createEventId } from './event-id.js';

/** An event before it has a position: the log's columns, and the bytes that are kept as they came. */
export interface NewEvent extends WebhookColumns {
  event_id: string;
  /** RFC 3339, UTC, milliseconds. */
  received_at: string;
  source: string;
  /** Of the same source and the same delivery id only the first is appended. */
  delivery_id: string | null;
  /** JSON text of the headers that are kept. */
  headers: Buffer;
  /** Strict UTF-8, strict JSON. */
  body: Buffer;
}

/** What is known of a request beside its body. */
export interface Receipt {
  source: string;
  received_at: string;
  delivery_id?: string | null;
  /** The headers that are kept, or their JSON text. */
  headers?: Record<string, string> | Buffer;
}

/** A new event of a webhook: `webhook` is `body` parsed. */
export function createEvent(webhook: Envelope, body: Buffer, receipt: Receipt): NewEvent {
  const { headers = {} } = receipt;
  return {
    event_id: createEventId(),
    received_at: receipt.received_at,
    source: receipt.source,
    delivery_id: receipt.delivery_id ?? null,
    headers: Buffer.isBuffer(headers) ? headers : Buffer.from(JSON.stringify(headers)),
    body,
    ...describeWebhook(webhook),
  };
}
