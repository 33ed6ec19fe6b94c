// A log of twenty events under four seals, and the ways in which somebody with a superuser's rights may change it.
import type pg from 'pg';
import type { Test } from 'tap';
import { createAppender } from '../../src/log/appender.js';
import { createEvent } from '../../src/log/new-event.js';
import { createPool } from '../../src/postgres/connect.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const EVENTS = 20;
const EVENTS_A_SEAL = 5;

/** A database whose log has positions 1 to 20, sealed at 5, 10, 15 and 20. */
export async function createSealedLog(t: Pick<Test, 'teardown'>): Promise<TestDatabase> {
  const database = await createTestDatabase(t);
  const appender = createAppender({ pool: database.pool, limits: { batchEvents: EVENTS_A_SEAL } });
  await Promise.all(Array.from({ length: EVENTS }, (_, index) => appender.append(eventOf(index + 1))));
  return database;
}

// Texts that an export or another language's reader may stumble on: tabs, line ends, escapes, letters beyond ASCII.
function eventOf(number: number) {
  const body = `{"event":\t"integration_installed",\n "workspace_id": "w", "payload": {"id": "i${number}",
    "metadata": "Ünïcode \\u0000 \\ud800 \\\\N ${'…'.repeat(number)}"}}\r\n`;
  return createEvent(JSON.parse(body), Buffer.from(body), {
    source: 'köln',
    received_at: new Date(Date.UTC(1999, 11, 31, 23, 59, 59, 990 + number)).toISOString(),
    headers: { 'user-agent': `a\tb\\n${number}` },
  });
}

/** A change behind the log's back, and the first position that is then not what was sealed. */
export interface Tampering {
  what: string;
  statements: string;
  position: number;
  fault: 'altered' | 'removed' | 'inserted' | 'seal broken';
}

const BODY = `'{"event":"integration_installed","payload":{"id":"i7"}}'`;
const DIGEST =
  "event_digest(event_id, received_at, source, convert_to(headers::text, 'UTF8'), convert_to(body::text, 'UTF8'))";
const COLUMNS = `event_id, received_at, source, workspace_id, customer_id, event, integration_id, resource_type,
  resource_id, state, headers, body, digest`;
/** A statement that copies an event to a position. */
export const copyAs = (position: string, where: string) =>
  `INSERT INTO event_log (position, ${COLUMNS}) SELECT ${position}, ${COLUMNS} FROM event_log WHERE ${where}`;

/** What the seals show, to anyone. */
export const TAMPERINGS: readonly Tampering[] = [
  {
    what: 'a body is altered',
    statements: `UPDATE event_log SET body = replace(body::text, 'Ünï', 'Uni')::json WHERE position = 7`,
    position: 7,
    fault: 'altered',
  },
  {
    what: 'white space of a body is altered',
    statements: `UPDATE event_log SET body = (body::text || ' ')::json WHERE position = 20`,
    position: 20,
    fault: 'altered',
  },
  {
    what: 'a header is altered',
    statements: `UPDATE event_log SET headers = '{"user-agent":"somebody else"}' WHERE position = 1`,
    position: 1,
    fault: 'altered',
  },
  {
    what: 'a time of receipt is altered',
    statements: `UPDATE event_log SET received_at = received_at + interval '1 ms' WHERE position = 12`,
    position: 12,
    fault: 'altered',
  },
  {
    what: 'a source is altered',
    statements: `UPDATE event_log SET source = 'bonn' WHERE position = 12`,
    position: 12,
    fault: 'altered',
  },
  {
    what: 'an event id is altered',
    statements: 'UPDATE event_log SET event_id = gen_random_uuid() WHERE position = 12',
    position: 12,
    fault: 'altered',
  },
  {
    what: 'an event is replaced together with its digest',
    statements: `UPDATE event_log SET body = ${BODY}, integration_id = 'i7', workspace_id = NULL WHERE position = 8;
      UPDATE event_log SET digest = ${DIGEST} WHERE position = 8`,
    position: 6,
    fault: 'seal broken',
  },
  {
    what: 'two events change places',
    statements: `UPDATE event_log SET position = 2000 WHERE position = 7;
      UPDATE event_log SET position = 7 WHERE position = 9; UPDATE event_log SET position = 9 WHERE position = 2000`,
    position: 6,
    fault: 'seal broken',
  },
  {
    what: 'an event in the middle is removed',
    statements: 'DELETE FROM event_log WHERE position = 13',
    position: 13,
    fault: 'removed',
  },
  {
    what: 'an event is removed and those behind it move up',
    statements: `DELETE FROM event_log WHERE position = 13;
      UPDATE event_log SET position = position + 2000 WHERE position > 13;
      UPDATE event_log SET position = position - 2001 WHERE position > 2000`,
    position: 11,
    fault: 'seal broken',
  },
  {
    what: 'the last events are removed',
    statements: 'DELETE FROM event_log WHERE position > 17',
    position: 18,
    fault: 'removed',
  },
  {
    what: 'the first events are removed',
    statements: 'DELETE FROM event_log WHERE position < 3',
    position: 1,
    fault: 'removed',
  },
  {
    what: 'an event is added behind the last seal',
    statements: copyAs('21', 'position = 3'),
    position: 21,
    fault: 'inserted',
  },
  {
    what: 'an event is put in between',
    statements: `UPDATE event_log SET position = position + 2000 WHERE position > 9;
      UPDATE event_log SET position = position - 1999 WHERE position > 2000; ${copyAs('10', 'position = 3')}`,
    position: 6,
    fault: 'seal broken',
  },
  {
    what: 'a seal is altered',
    statements: "UPDATE seal SET hash = sha256('x') WHERE last_position = 10",
    position: 6,
    fault: 'seal broken',
  },
  {
    what: 'a seal in the middle is removed',
    statements: 'DELETE FROM seal WHERE last_position = 10',
    position: 6,
    fault: 'seal broken',
  },
  {
    what: 'the last seal is removed',
    statements: 'DELETE FROM seal WHERE last_position = 20',
    position: 16,
    fault: 'inserted',
  },
];

/** What no append leaves: a name, and what to set. */
export const ILLEGIBLE = {
  'a time that no clock shows': "received_at = 'infinity'",
  'a time before all': "received_at = '-infinity'",
  'a time before our era': "received_at = '0044-03-15 12:00:00 BC'",
  'a body that is no webhook': "body = 'null'",
  'a body without an event': `body = '{"payload":{}}'`,
  'a body whose event is no text': `body = '{"event":5,"payload":{}}'`,
};

/** Statements that make the event at position 4 illegible, with a digest that fits. */
export const illegible = (change: string) => `UPDATE event_log SET ${change} WHERE position = 4;
  UPDATE event_log SET digest = ${DIGEST} WHERE position = 4`;

/**
 * Runs `look` on the log as statements of a superuser, with the log's triggers off, leave it; then all is as before.
 */
export async function withTampering(
  { superuserUrl }: TestDatabase,
  statements: string,
  look: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const pool = createPool(superuserUrl, { max: 1 });
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('ALTER TABLE event_log DISABLE TRIGGER USER; ALTER TABLE seal DISABLE TRIGGER USER');
    await client.query(statements);
    await look(client);
  } finally {
    await client.query('ROLLBACK');
    client.release();
    await pool.end();
  }
}
