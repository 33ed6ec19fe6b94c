// Events of the log, made without a log.
import { readFileSync } from 'node:fs';
import { describeWebhook } from '../../schemas/describe-webhook.js';
import type { LoggedEvent } from '../../schemas/logged-event.js';

const FIRST_RECEIPT = Date.parse('2026-11-23T22:46:00.000Z');

/** The event that a body becomes at a position; receipt (default) is a second after the position before. */
export function loggedEvent(body: string, position: number, receivedAt?: string): LoggedEvent {
  return {
    position,
    event_id: `01900000-0000-7000-8000-${position.toString(16).padStart(12, '0')}`,
    received_at: receivedAt ?? new Date(FIRST_RECEIPT + position * 1000).toISOString(),
    source: 'test',
    ...describeWebhook(JSON.parse(body)),
    body,
  };
}

/** The fixture's webhooks as a log: a line is an event, its number the position. */
export function fixtureEvents(): LoggedEvent[] {
  const text = readFileSync(new URL('../fixtures/webhooks.ndjson', import.meta.url), 'utf8');
  const bodies = text.split('\n').filter((line) => line !== '');
  return bodies.map((body, index) => loggedEvent(body, index + 1));
}
