import type pg from 'pg';
import { appendEvents } from '../src/log/append-events.js';
import { createWebhooks } from './bodies.js';

const GROUP = 1000;

/** Appends `count` simulated events after those that are there. */
export async function fillLog(pool: pg.Pool, count: number, bodyBytes: number): Promise<void> {
  const webhooks = createWebhooks(bodyBytes);
  for (let done = 0; done < count; done += GROUP)
    await appendEvents(pool, webhooks.takeEvents(Math.min(GROUP, count - done)));
  await pool.query('ANALYZE event_log');
}
