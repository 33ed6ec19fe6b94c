import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'nats';
import pg from 'pg';
import t from 'tap';
import { startNats } from '../../src/embedded/nats-server.js';
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.js';
import { preparePostgresData } from '../../src/embedded/postgres-data.js';
import { findServerUser } from '../../src/embedded/server-user.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { createTestHome } from '../support/test-home.js';
import { createTestPostgres } from '../support/test-postgres.js';

async function ask(url: string, statement: string) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

t.test('a test database is a migrated clone, owned by an ordinary role', async (t) => {
  const [one, two] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  t.not(one.name, two.name);
  const { rows } = await one.pool.query(
    "SELECT to_regclass('event_log') IS NOT NULL AS there, rolsuper FROM pg_roles WHERE rolname = current_user",
  );
  t.same(rows, [{ there: true, rolsuper: false }]);
});

t.test('Postgres keeps its data and its port over stop, kill and start', async (t) => {
  const postgres = await createTestPostgres(t);
  await ask(postgres.url, 'CREATE TABLE kept AS SELECT 1 AS one');
  await postgres.stop();
  await t.rejects(ask(postgres.url, 'SELECT 1'));
  await postgres.start();
  t.same(await ask(postgres.url, 'SELECT one FROM kept'), [{ one: 1 }]);
  await postgres.kill();
  await postgres.start({ default_transaction_read_only: 'on' });
  t.same(await ask(postgres.url, 'SELECT one FROM kept'), [{ one: 1 }]);
  await t.rejects(ask(postgres.url, 'CREATE TABLE more ()'), { code: '25006' });
});

t.test('new data are synced by initdb before they count, unless fsync is off', async (t) => {
  const user = findServerUser();
  const asked = async (options: { sync?: boolean }) => {
    const home = createTestHome(t);
    const { folder, major } = findPostgresBinaries(home, user);
    const bin = join(home, 'bin');
    const words = join(home, 'words');
    mkdirSync(bin);
    // The initdb that there is, overheard: what it is told, and what it says that it did.
    const initdb = join(folder, 'bin', 'initdb');
    const text = `#!/bin/sh\necho "$@" >${words}\nLC_ALL=C exec ${initdb} "$@" >>${words}\n`;
    writeFileSync(join(bin, 'initdb'), text);
    writeFileSync(words, '');
    chmodSync(join(bin, 'initdb'), 0o755);
    chmodSync(words, 0o666);
    await preparePostgresData(home, { folder: home, major }, user, options);
    return readFileSync(words, 'utf8');
  };
  const synced = await asked({});
  t.notMatch(synced, 'no-sync');
  t.match(synced, 'syncing data to disk ... ok');
  const unsynced = await asked({ sync: false });
  t.match(unsynced, '--no-sync');
  t.match(unsynced, 'Sync to disk skipped');
});

t.test('nats-server keeps its streams and its port over stop, kill and start', async (t) => {
  const bus = await createTestBus(t, { maxPayload: 2_000_000 });
  const first = await connect({ servers: bus.url });
  t.equal(first.info?.max_payload, 2_000_000);
  const manager = await first.jetstreamManager();
  await manager.streams.add({ name: 'kept', subjects: ['kept.>'] });
  await first.jetstream().publish('kept.one');
  await first.close();
  for (const end of [bus.stop, bus.kill]) {
    await end();
    await t.rejects(connect({ servers: bus.url, reconnect: false }));
    await bus.start();
    const again = await connect({ servers: bus.url });
    const stream = await (await again.jetstreamManager()).streams.info('kept');
    t.equal(stream.state.messages, 1);
    await again.close();
  }
});

t.test('a nats-server of somebody else on the port is not taken for ours', async (t) => {
  const { port } = await createTestBus(t);
  await t.rejects(startNats({ home: createTestHome(t), port }), /while starting.*address already in use/s);
});
