// What tests of appenders share: events that tell when they are sent, and a log whose head can be held.
import type pg from 'pg';
import type { Test } from 'tap';
import type { NewEvent } from '../../src/log/new-event.js';
import { createPool } from '../../src/postgres/connect.js';
import { newEvent } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

export const event = (name: string, body?: string): NewEvent => {
  const made = newEvent({ event: name, payload: {} });
  return body === undefined ? made : { ...made, body: Buffer.from(body) };
};
export const POISON = '{"event": "poison", "payload": }';

/** An event that says when it is made ready to be sent. */
export const watched = (name: string, onSent: () => void): NewEvent => {
  const made = event(name);
  const { headers } = made;
  return Object.defineProperty(made, 'headers', {
    get() {
      onSent();
      return headers;
    },
  });
};

/** A pool for appending, and another that can keep what is appended from being committed. */
export async function prepare(t: Test) {
  const { pool, url } = await createTestDatabase(t);
  const commits = createPool(url, { max: 1 });
  t.teardown(() => commits.end());
  let connections = 0;
  commits.on('connect', () => {
    connections += 1;
  });
  return { pool, commits, connections: () => connections, holdHead: () => holdHead(pool) };
}

async function holdHead(pool: pg.Pool): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  return async () => {
    await client.query('ROLLBACK');
    client.release();
  };
}

/** The backend that waits for the head, once it has waited so long; other than `before`. */
export function waitingBackend(pool: pg.Pool, before = 0, time = '0 s'): Promise<number> {
  return waitFor(async () => {
    const { rows } = await pool.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> $1
         AND clock_timestamp() - query_start >= $2::interval`,
      [before, time],
    );
    return rows[0]?.pid as number | undefined;
  });
}
