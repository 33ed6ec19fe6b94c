import type pg from 'pg';
import { appendEvents } from '../src/log/append-events.js';
import { newEvents } from './bodies.js';

const GROUP = 1000;

/** Appends `count` events after those that are there; the `from`th body first. */
export async function fillLog(pool: pg.Pool, count: number, bodyBytes: number, from = 0): Promise<void> {
  for (let done = 0; done < count; done += GROUP)
    await appendEvents(pool, newEvents(Math.min(GROUP, count - done), bodyBytes, from + done));
  await pool.query('ANALYZE event_log');
}
