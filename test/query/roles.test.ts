// Least privilege as shipped: deploy/grants.sql and deploy/nats-permissions.conf against the real servers, by what
// each role may do, by what it is refused, and by its own process at work with nothing more.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import pg from 'pg';
import t, { type Test } from 'tap';
import { DOORBELL_SUBJECT } from '../../src/bus/doorbell.js';
import { ensureStream, STREAM } from '../../src/bus/stream.js';
import { findFreePort } from '../../src/embedded/free-port.js';
import { appendEvents } from '../../src/log/append-events.js';
import { addSource } from '../../src/log/source-change.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import { addKey } from '../../src/query/api-key.js';
import { newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

const deployed = (name: string) => readFileSync(join(packageRoot(), 'deploy', name), 'utf8');
type Role = 'ingest' | 'relay' | 'projector' | 'query';

/** Runs the grants, twice, and makes a user in each role, as docs/roles.md says. */
async function createUsers(database: TestDatabase): Promise<Record<Role, string>> {
  const admin = new pg.Client({ connectionString: database.superuserUrl });
  await admin.connect();
  const urls: Partial<Record<Role, string>> = {};
  for (const grants of [deployed('grants.sql'), deployed('grants.sql')]) await admin.query(grants);
  for (const role of ['ingest', 'relay', 'projector', 'query'] as const) {
    const user = `test_${role}_${randomBytes(4).toString('hex')}`;
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'secret' IN ROLE hookfold_${role}`);
    await admin.query(`ALTER ROLE ${user} SET role TO hookfold_${role}`);
    urls[role] = Object.assign(new URL(database.url), { username: user, password: 'secret' }).href;
  }
  await admin.end();
  return urls as Record<Role, string>;
}

type Work = string | ((client: pg.Client) => Promise<unknown>);

async function answerTo(url: string, work: Work): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await (typeof work === 'string' ? client.query(work) : work(client));
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

const REFUSED = '42501';
const APPEND: Work = (client) => appendEvents(client, [newEvent({ event: 'e', payload: {} })]);

t.test('database roles may do their work and are refused all else', async (t) => {
  const database = await createTestDatabase(t);
  const urls = await createUsers(database);
  const cases: [Role, Work, string][] = [
    ['ingest', APPEND, 'done'],
    ['ingest', 'SELECT name FROM source', 'done'],
    ['ingest', 'SELECT body FROM event_log', REFUSED],
    ['ingest', 'SELECT body FROM event_log_1', REFUSED],
    ['ingest', "INSERT INTO seal VALUES (9, 1, '')", REFUSED],
    ['ingest', 'DELETE FROM event_log', REFUSED],
    ['ingest', 'SELECT ensure_event_log_partitions(1)', REFUSED],
    ['ingest', 'SELECT * FROM api_key', REFUSED],
    ['ingest', "UPDATE source_secret SET hash = ''", REFUSED],
    ['ingest', 'SELECT * FROM projector.build', REFUSED],
    ['relay', 'SELECT body FROM event_log', 'done'],
    ['relay', APPEND, REFUSED],
    ['relay', 'DELETE FROM hookfold.lease', REFUSED],
    ['relay', 'SELECT * FROM source_secret', REFUSED],
    ['projector', 'SELECT body FROM event_log', 'done'],
    ['projector', 'CREATE TABLE read_model.mine (x int); DROP TABLE read_model.mine', 'done'],
    ['projector', APPEND, REFUSED],
    ['projector', 'CREATE TABLE public.mine (x int)', REFUSED],
    ['projector', 'SELECT * FROM api_key', REFUSED],
    ['query', 'SELECT body FROM event_log', 'done'],
    ['query', "SELECT note_api_key_use('')", 'done'],
    ['query', "SELECT projector.is_rebuilding('resource', 1)", 'done'],
    ['query', 'SELECT * FROM hookfold.lease', REFUSED],
    ['query', APPEND, REFUSED],
    ['query', 'SELECT ensure_event_log_partitions(1)', REFUSED],
    ['query', 'INSERT INTO rejected_webhook (source) VALUES (1)', REFUSED],
    ['query', 'UPDATE api_key SET admin = true', REFUSED],
    ['query', 'SELECT key FROM source_secret', REFUSED],
    ['query', 'UPDATE projector.checkpoint SET position = 0', REFUSED],
    ['query', 'CREATE TABLE read_model.mine (x int)', REFUSED],
  ];
  for (const [role, work, answer] of cases)
    t.equal(await answerTo(urls[role], work), answer, `${role}: ${String(work).slice(0, 60)}`);
});

t.test('the read models may have a database of their own', async (t) => {
  const database = await createTestDatabase(t);
  const admin = new pg.Client({ connectionString: database.superuserUrl });
  await admin.connect();
  await admin.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await admin.end();
  const { projector, query } = await createUsers(database);
  t.equal(await answerTo(projector, 'UPDATE projector.checkpoint SET position = 1'), 'done');
  t.equal(await answerTo(projector, 'DELETE FROM hookfold.lease'), 'done');
  t.equal(await answerTo(query, 'SELECT position FROM projector.checkpoint'), 'done');
  t.equal(await answerTo(query, 'DELETE FROM hookfold.lease'), REFUSED);
});

t.test('each process works with the rights of its role alone', async (t) => {
  const database = await createTestDatabase(t);
  const urls = await createUsers(database);
  const bus = await createTestBus(t);
  const { token } = await addSource(database.pool, 'munity');
  const { key } = await addKey(database.pool, { name: 'admin', admin: true });
  const shared = {
    NATS_URL: bus.url,
    INGEST_PORT: '0',
    QUERY_PORT: '0',
    PROJECTOR_PORT: '0',
    LOG_LEVEL: 'info',
  };
  const run = (role: Role, extra = {}) =>
    runProgram(t, [role], { ...shared, DATABASE_URL: urls[role], ...extra });
  await runProgram(t, ['--version']).exit; // Where it has to be built first, once, not by three at a time.
  const ingest = run('ingest', { RELAY_DATABASE_URL: urls.relay });
  const projector = run('projector');
  const query = run('query');
  const urlIn = async (program: typeof query) =>
    (await program.waitForLine(/http:\/\/127\.0\.0\.1:\d+/, 60_000))[0];
  const [ingestUrl, queryUrl] = [await urlIn(ingest), await urlIn(query)];
  const body = JSON.stringify({
    ...{ workspace_id: 'w', customer_id: null, event: 'integration_installed', state: 's' },
    payload: { id: 'i', connector_type: 'jira', metadata: null },
  });
  await waitFor(async () => (await fetch(`${ingestUrl}/readyz`)).ok);
  const answer = await fetch(`${ingestUrl}/webhooks/munity/${token}`, { method: 'POST', body });
  t.equal(answer.status, 202);
  t.equal(
    (await fetch(`${ingestUrl}/webhooks/munity/${token}`, { method: 'POST', body: 'no JSON' })).status,
    400,
  );
  const headers = { authorization: `Bearer ${key}` };
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the test finds out
  const ask = async (path: string): Promise<any> => (await fetch(`${queryUrl}${path}`, { headers })).json();
  await waitFor(async () => (await ask('/v1/integrations/i?min_position=1')).installed === true, {
    timeoutMs: 30_000,
  });
  t.match(await ask('/v1/integrations?as_of=1'), { status: 400 });
  t.match(await ask('/v1/integrations/i?as_of=1'), { installed: true });
  t.match(await ask('/v1/projections'), { items: { length: 6 } });
  await waitFor(async () => (await ask('/v1/rejected')).items.length === 1);
  const nats = await connect({ servers: bus.url });
  const manager = await nats.jetstreamManager();
  await waitFor(async () => (await manager.streams.info(STREAM)).state.last_seq === 1);
  await nats.close();
  for (const program of [ingest, projector, query]) {
    program.kill('SIGTERM');
    const { code, stdout, stderr } = await program.exit;
    t.equal(code, 0);
    t.notMatch(stdout + stderr, /permission denied/);
  }
  const { rows } = await database.pool.query(
    "SELECT name FROM hookfold.lease WHERE name LIKE 'projector:%' OR expires_at > now()",
  );
  t.same(rows, [], 'leases are given back');
});

async function startGuardedNats(t: Test): Promise<(user: string) => Promise<NatsConnection>> {
  const home = mkdtempSync(join(tmpdir(), 'hookfold-nats-'));
  const port = await findFreePort();
  writeFileSync(join(home, 'nats-permissions.conf'), deployed('nats-permissions.conf'));
  writeFileSync(
    join(home, 'server.conf'),
    `port: ${port}\njetstream { store_dir: "${home}" }\ninclude "nats-permissions.conf"\n`,
  );
  const passwords = Object.fromEntries(
    ['PUBLISHER', 'LISTENER', 'SUBSCRIBER'].map((name) => [`HOOKFOLD_${name}_PASSWORD`, 'secret']),
  );
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, ...passwords };
  const server = spawn('nats-server', ['-c', join(home, 'server.conf')], { stdio: 'ignore', env });
  t.teardown(async () => {
    server.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  });
  return async (user) => {
    const options = { servers: `127.0.0.1:${port}`, user: `hookfold_${user}`, pass: 'secret', timeout: 2000 };
    const connection = await waitFor(() => connect(options));
    t.teardown(() => connection.close());
    return connection;
  };
}

t.test('NATS users may do their work and are refused all else', async (t) => {
  const login = await startGuardedNats(t);
  const [publisher, listener, subscriber] = [
    await login('publisher'),
    await login('listener'),
    await login('subscriber'),
  ];
  const heard: string[] = [];
  listener.subscribe(DOORBELL_SUBJECT, { callback: (_, message) => void heard.push(message.string()) });
  await listener.flush();
  await ensureStream(publisher);
  await publisher
    .jetstream({ timeout: 2000 })
    .publish('munity.w._.e._._', '{}', { expect: { lastSequence: 0 } });
  publisher.publish(DOORBELL_SUBJECT, '1');
  await waitFor(() => heard.includes('1'));

  const manager = await subscriber.jetstreamManager({ checkAPI: false });
  await manager.consumers.add(STREAM, { durable_name: 'reader', filter_subject: 'munity.w.>' });
  const consumer = await subscriber.jetstream().consumers.get(STREAM, 'reader');
  const message = await consumer.next({ expires: 5000 });
  t.equal(message?.seq, 1);
  t.equal(await message?.ackAck(), true);

  const isRefused = async (connection: NatsConnection, subject: string) => {
    await t.rejects(connection.request(subject, '{}', { timeout: 300 }), subject);
    return (
      (await (await publisher.jetstreamManager({ checkAPI: false })).streams.info(STREAM)).state.last_seq ===
      1
    );
  };
  for (const connection of [listener, subscriber])
    for (const subject of [
      'munity.w._.e._._',
      `$JS.API.STREAM.DELETE.${STREAM}`,
      `$JS.API.STREAM.PURGE.${STREAM}`,
    ])
      t.ok(await isRefused(connection, subject), subject);
  for (const subject of [
    `$JS.API.STREAM.DELETE.${STREAM}`,
    `$JS.API.STREAM.MSG.DELETE.${STREAM}`,
    `$JS.API.STREAM.UPDATE.${STREAM}`,
  ])
    t.ok(await isRefused(publisher, subject), subject);
  subscriber.publish(DOORBELL_SUBJECT, '2');
  await subscriber.flush();
  await listener.flush();
  t.same(heard, ['1']);
});
