import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { createPatientPool } from '../../src/postgres/patience.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createSilentWay } from '../support/silent-way.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

const PATIENCE = { statementMs: 400, lockMs: 200 };

t.test('a statement and a lock are waited for so long, and the connection goes on', async (t) => {
  const { pool: other, url } = await createTestDatabase(t);
  await other.query('CREATE TABLE locked ()');
  const pool = createPatientPool(url, PATIENCE, { max: 1 });
  t.teardown(() => pool.end());
  const client = await pool.connect();
  await t.rejects(client.query('SELECT pg_sleep(60)'), { code: '57014' });
  await inTransaction(other, async (holder) => {
    await holder.query('LOCK TABLE locked');
    await t.rejects(client.query('SELECT FROM locked'), { code: '55P03' });
  });
  t.match((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  client.release();
});

t.test('what the caller says of a connection holds as well', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPatientPool(url, PATIENCE, { max: 1, settings: 'SET jit = off' });
  t.teardown(() => pool.end());
  t.match((await pool.query('SHOW jit')).rows, [{ jit: 'off' }]);
  t.match((await pool.query('SHOW lock_timeout')).rows, [{ lock_timeout: '200ms' }]);
  t.match((await pool.query('SHOW timezone')).rows, [{ TimeZone: 'UTC' }]);
});

t.test(
  'a connection that falls silent right behind its greeting is given up, and its place is free',
  async (t) => {
    // A proxy that lets everybody in, and has no server behind it: authentication is good, ready for a query.
    const greeting = Buffer.from('5200000008000000005a0000000549', 'hex');
    const server = createServer((socket) => {
      socket.once('data', () => socket.write(greeting));
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const pool = createPatientPool(`postgres://a:b@127.0.0.1:${port}/c`, PATIENCE, { max: 1 });
    for (const turn of ['first', 'second'])
      await t.rejects(pool.query('SELECT 1'), { message: /^Postgres was silent for 1400 ms/ }, turn);
    await pool.end();
  },
);

for (const pipeline of [false, true])
  t.test(`a silent server is given up, with all that waits${pipeline ? ' in a pipeline' : ''}`, async (t) => {
    const { url } = await createTestDatabase(t);
    const way = await createSilentWay(t, url);
    const pool = createPatientPool(way.url, PATIENCE, { max: 1, pipeline } as never);
    t.teardown(() => pool.end());
    const silent = { message: /^Postgres was silent for 1400 ms/ };
    await inTransaction(pool, async (client) => {
      way.fallSilent();
      const waiting = ['SELECT 1', 'SELECT 2', 'COMMIT'].map((text) => t.rejects(client.query(text), silent));
      await Promise.all(waiting);
      await t.rejects(client.query('SELECT 3'), 'what is asked next is refused at once');
    }).then(
      () => t.fail('it was not committed'),
      () => t.pass('it was rolled back'),
    );
    t.match((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'by a new connection');
  });

t.test('a connection that nobody has is left alone', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPatientPool(url, { statementMs: 300 }, { max: 1 });
  t.teardown(() => pool.end());
  const pid = async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  const first = await pid();
  const watched = createPatientPool(url, { statementMs: 300 }, { max: 1 });
  t.teardown(() => watched.end());
  const client = await watched.connect();
  await waitFor(
    () =>
      client.query('SELECT 1').then(
        () => false,
        () => true,
      ),
    { everyMs: 1800 },
  );
  client.release(true);
  t.equal(await pid(), first, 'longer than the one that was lent');
});
