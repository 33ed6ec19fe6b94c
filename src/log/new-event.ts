import { v7 as uuidV7 } from 'uuid';
import { describeWebhook, type WebhookColumns } from '../../schemas/describe-webhook.js';
import type { Envelope } from '../../schemas/envelope.js';

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
  headers?: Record<string, string>;
}

/** A new event of a webhook: `webhook` is `body` parsed. */
export function createEvent(webhook: Envelope, body: Buffer, receipt: Receipt): NewEvent {
  return {
    event_id: uuidV7(),
    received_at: receipt.received_at,
    source: receipt.source,
    delivery_id: receipt.delivery_id ?? null,
    headers: Buffer.from(JSON.stringify(receipt.headers ?? {})),
    body,
    ...describeWebhook(webhook),
  };
}
