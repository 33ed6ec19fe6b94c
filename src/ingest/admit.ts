import type { RejectedReason } from '../../schemas/http-ingest.js';
import { createEvent, type NewEvent, type Receipt } from '../log/new-event.js';
import { type BodyHeaders, parseWebhook } from './parse-webhook.js';

/**
 * The event that a body of a known sender is, or why it is none. The one rule for what may come in, for a request
 * as for a rejected one that is released. `workspaces` are those it may send for; undefined: any.
 */
export function admit(
  body: Buffer,
  headers: BodyHeaders,
  workspaces: ReadonlySet<string> | undefined,
  receipt: Receipt,
): NewEvent | RejectedReason {
  const webhook = parseWebhook(body, headers);
  if (typeof webhook === 'string') return webhook;
  const event = createEvent(webhook, body, receipt);
  return workspaces && !workspaces.has(event.workspace_id ?? '') ? 'wrong_workspace' : event;
}
