import { readFileSync } from 'node:fs';
import pg from 'pg';
import t from 'tap';
import { inAbortableTransaction } from '../../src/postgres/abortable-transaction.js';
import { createPool } from '../../src/postgres/connect.js';
import { withClient } from '../../src/postgres/pipeline.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { migrateReadModels } from '../../src/read-models/migrate-read-models.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

const onLinux = process.platform === 'linux';
const KEEPALIVE = '02';
const TICKS_A_SECOND = 100;

t.test('a connection that dies while it is lent rejects the work on it, and ends nothing else', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  const dying = (client: { query(text: string): Promise<unknown> }) =>
    client.query('SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)');
  for (const lend of [withClient, inTransaction]) {
    await t.rejects(lend(pool, dying), { code: '57P01' });
    const { rows } = await pool.query('SELECT 1 AS one');
    t.same(rows, [{ one: 1 }], 'the pool goes on with another connection');
  }
});

t.test('nothing is compiled: not by a connection, nor by an append of any other', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const { rows } = await pool.query('SHOW jit');
  t.same(rows, [{ jit: 'off' }]);
  const other = new pg.Client(url);
  await other.connect();
  t.teardown(() => other.end());
  const { rows: settings } = await other.query(
    `SELECT 'jit=off' = ANY (proconfig) AS off FROM pg_proc WHERE proname = 'append_events'`,
  );
  t.same(settings, [{ off: true }]);
});

t.test('no clock of a database, or of whoever had a connection before, ends what takes long', async (t) => {
  const { url, name, pool: before } = await createTestDatabase(t);
  const CLOCKS = { statement_timeout: '100ms', lock_timeout: '50ms' };
  for (const [clock, time] of Object.entries(CLOCKS))
    await before.query(`ALTER DATABASE ${name} SET ${clock} = '${time}'`);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  for (const [clock, time] of Object.entries(CLOCKS)) {
    t.match((await pool.query(`SHOW ${clock}`)).rows, [{ [clock]: '0' }]);
    await pool.query(`SET ${clock} = '${time}'`);
    await inAbortableTransaction(pool, undefined, async (client) => {
      t.match((await client.query(`SHOW ${clock}`)).rows, [{ [clock]: '0' }]);
    });
    t.match((await pool.query(`SHOW ${clock}`)).rows, [{ [clock]: time }]);
  }
  const { migrating } = await inTransaction(before, async (client) => {
    await client.query('LOCK TABLE hookfold_migration');
    const begun = migrateReadModels(url);
    begun.catch(() => {});
    const hasWaited = `SELECT FROM pg_stat_activity WHERE datname = current_database()
      AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '200 ms'`;
    await waitFor(async () => (await before.query(hasWaited)).rowCount === 1);
    return { migrating: begun };
  });
  t.same(await migrating, []);
});

t.test('a connection at rest is probed within ten seconds, not two hours', { skip: !onLinux }, async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  const { rows } = await pool.query('SELECT inet_client_port() AS port');
  const seconds = await waitFor(() => secondsToProbe(rows[0].port));
  t.ok(seconds <= 10, `the next probe is due in ${seconds} s`);
});

// https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
function secondsToProbe(port: number): number | undefined {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of readFileSync('/proc/self/net/tcp', 'utf8').split('\n')) {
    const [, local, , , , timer] = line.trim().split(/\s+/);
    if (!local?.endsWith(`:${hexPort}`)) continue;
    const [kind, due] = timer!.split(':');
    if (kind === KEEPALIVE) return Number.parseInt(due!, 16) / TICKS_A_SECOND;
  }
  return undefined;
}
