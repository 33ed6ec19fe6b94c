import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { appendEvents } from '../../src/log/append-events.js';
import { createEvent, type NewEvent } from '../../src/log/new-event.js';

/** The fixture's webhooks, a body a line. */
export function fixtureBodies(): string[] {
  const text = readFileSync(new URL('../fixtures/webhooks.ndjson', import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

/** The new event of a body; receipt is now where it is not given. */
export function newEvent(body: string | object, receivedAt = new Date().toISOString()): NewEvent {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return createEvent(JSON.parse(text), Buffer.from(text), { source: 'test', received_at: receivedAt });
}

/** Appends bodies in their order, in commits of a thousand; answers the last position. */
export async function fillLog(pool: pg.Pool, bodies: readonly (string | object)[]): Promise<number> {
  let last = 0;
  for (let at = 0; at < bodies.length; at += 1000) {
    const appended = await appendEvents(
      pool,
      bodies.slice(at, at + 1000).map((body) => newEvent(body)),
    );
    last = appended.at(-1)!.position;
  }
  return last;
}
