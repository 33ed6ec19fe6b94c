import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { readHead } from '../../src/log/read-log.js';
import { verifyLog } from '../../src/log/verify-log.js';
import { newEvent } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { copyAs, createSealedLog, ILLEGIBLE, illegible, TAMPERINGS, withTampering } from './sealed-log.js';

const database = await createSealedLog(t);

t.test('a log as it was appended is verified to its head, and its last seal is told', async (t) => {
  const { pool } = database;
  const reached: number[] = [];
  const verdict = await verifyLog(pool, (position) => reached.push(position));
  const last = await pool.query("SELECT encode(hash, 'hex') AS hash FROM seal WHERE last_position = 20");
  t.strictSame(verdict, { verified: 20, seals: 4, seal: last.rows[0].hash, fault: undefined });
  t.equal(reached.at(-1), await readHead(pool));
});

t.test('an empty log is verified, with the seal before the first', (t) =>
  withTampering(database, 'DELETE FROM event_log; DELETE FROM seal', async (client) => {
    t.match(await verifyLog(client), { verified: 0, seals: 0, seal: '00'.repeat(32), fault: undefined });
  }),
);

for (const { what, statements, position, fault } of TAMPERINGS)
  t.test(`where ${what}, position ${position} is named`, (t) =>
    withTampering(database, statements, async (client) => {
      const verdict = await verifyLog(client);
      t.match(verdict.fault, { position, fault });
      t.ok(verdict.verified < position, 'nothing from there on is called verified');
    }),
  );

for (const [what, change] of Object.entries(ILLEGIBLE))
  t.test(`${what} is an altered event, not an error`, (t) =>
    withTampering(
      database,
      illegible(change),
      async (client) => void t.match((await verifyLog(client)).fault, { position: 4, fault: 'altered' }),
    ),
  );

t.test('what a superuser makes of the view of the head does not hide an event behind the seals', (t) =>
  withTampering(
    database,
    `CREATE OR REPLACE VIEW log_head AS SELECT 21::bigint AS position, decode('', 'hex') AS seal;
     ${copyAs('21', 'position = 3')}`,
    async (client) => {
      t.match((await verifyLog(client)).fault, { position: 21, fault: 'inserted' });
    },
  ),
);

t.test('how Postgres is set to write bytes makes no difference', (t) =>
  withTampering(database, "SET LOCAL bytea_output = 'escape'", async (client) => {
    t.match(await verifyLog(client), { verified: 20, fault: undefined });
  }),
);

const COLUMNS = 'workspace_id customer_id event integration_id resource_type resource_id state'.split(' ');

for (const column of COLUMNS)
  t.test(`a column ${column} that its body does not say is an altered event`, (t) =>
    withTampering(
      database,
      `UPDATE event_log SET ${column} = 'forged' WHERE position = 14`,
      async (client) => {
        const { fault } = await verifyLog(client);
        t.match(fault, { position: 14, fault: 'altered' });
        t.match(fault?.detail, column);
      },
    ),
  );

t.test('events that went together with their seals show only by a seal that was kept', (t) =>
  withTampering(
    database,
    'DELETE FROM event_log WHERE position > 15; DELETE FROM seal WHERE last_position > 15',
    async (client) => {
      const kept = await verifyLog(database.pool);
      const verdict = await verifyLog(client);
      t.match(verdict, { verified: 15, seals: 3, fault: undefined });
      t.not(verdict.seal, kept.seal);
    },
  ),
);

t.test('events are read over many seals, and no more of them at once than memory holds', async (t) => {
  const { pool } = await createTestDatabase(t);
  const installed = (metadata: string) =>
    newEvent({ event: 'integration_installed', workspace_id: 'w', payload: { id: 'i', metadata } });
  for (let n = 0; n < 500; n++) await appendEvents(pool, [installed('')]);
  const large = () => installed(randomBytes(500_000).toString('base64'));
  await appendEvents(pool, Array.from({ length: 20 }, large));
  const reads: number[] = [];
  const query = async (...asked: unknown[]) => {
    const result = await (pool.query as (...asked: unknown[]) => Promise<pg.QueryResult>).apply(pool, asked);
    reads.push(result.rows.length);
    return result;
  };
  t.match(await verifyLog({ query } as never), { verified: 520, seals: 501, fault: undefined });
  t.ok(reads.length < 12, `it asked ${reads.length} times`);
  const [, first, ...others] = reads;
  t.ok(first! >= 500 && Math.max(...others) < 12, reads.join());
});
