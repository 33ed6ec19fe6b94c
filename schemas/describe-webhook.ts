// Reads the log's columns out of a webhook, known or not: what is there in the right form is taken, the rest is null.
import type { Envelope } from './envelope.js';
import type { EventSummary } from './logged-event.js';
import { normaliseUuid, storableText } from './text.js';

export type WebhookColumns = Omit<EventSummary, 'position' | 'event_id' | 'received_at' | 'source'>;

const textOrNull = (value: unknown) => (typeof value === 'string' ? storableText(value) : null);
const idOrNull = (value: unknown) => (typeof value === 'string' ? storableText(normaliseUuid(value)) : null);

/** The columns of the log that a webhook fills. Total: any envelope gives an answer. */
export function describeWebhook(webhook: Envelope): WebhookColumns {
  const payload = webhook.payload as Record<string, unknown>;
  return {
    workspace_id: idOrNull(webhook.workspace_id),
    customer_id: textOrNull(webhook.customer_id),
    event: storableText(webhook.event),
    integration_id: idOrNull(payload.id),
    resource_type: textOrNull(payload.type),
    resource_id: textOrNull(payload.resource_id),
    state: textOrNull(payload.state) ?? textOrNull(webhook.state),
  };
}
