import { pino } from 'pino';
import { Registry } from 'prom-client';
import t from 'tap';
import { createIngestService } from '../../src/ingest/service.js';
import { migrateLog } from '../../src/log/migrate-log.js';
import { addSource } from '../../src/log/source-change.js';
import { createPool } from '../../src/postgres/connect.js';
import { createTestPostgres } from '../support/test-postgres.js';
import { waitFor } from '../support/wait-for.js';
import { buildIngest, EVENT, firstPost, type TestIngest } from './build-ingest.js';

const statusOf = async (posting: Promise<Response>) => (await posting).status;
const opens = (door: Pick<TestIngest, 'post'>) =>
  waitFor(async () => (await statusOf(door.post(EVENT))) === 202);
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;
const FULL_DISK = `CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
  CREATE TRIGGER full_disk BEFORE INSERT ON seal EXECUTE FUNCTION full_disk()`;
const ROOM_AGAIN = 'DROP TRIGGER full_disk ON seal';

t.test(
  'a database that goes away closes the door at once, and its return opens it; nothing is lost',
  async (t) => {
    const postgres = await createTestPostgres(t);
    await migrateLog(postgres.url);
    const pool = createPool(postgres.url);
    t.teardown(() => pool.end());
    const { token } = await addSource(pool, 'munity');
    await postgres.stop();

    const metrics = new Registry();
    const service = createIngestService({
      configuration: { HOST: '127.0.0.1', INGEST_PORT: 0 },
      databaseUrl: postgres.url,
      logger: pino({ level: 'silent' }),
      metrics,
      refreshMs: 50,
    });
    await service.start();
    t.teardown(() => service.stop());
    const post = () => fetch(`${service.url()}/webhooks/munity/${token}`, { method: 'POST', body: EVENT });
    const ready = async () => (await fetch(`${service.url()}/readyz`)).status;
    const early = await post();
    t.equal(early.status, 503, 'it starts without a database');
    t.equal(early.headers.get('retry-after'), '2');
    t.equal(await ready(), 503);
    await postgres.start();
    await opens({ post });
    t.equal(await ready(), 200);

    let acknowledged = 1;
    for (const how of ['stop', 'kill'] as const) {
      const during = Promise.all(Array.from({ length: 50 }, post));
      await postgres[how]();
      acknowledged += (await during).filter(({ status }) => status === 202).length;
      const started = performance.now();
      const refused = await Promise.all(Array.from({ length: 200 }, post));
      t.ok(refused.every(({ status }) => status === 503));
      t.ok(refused.every(({ headers }) => headers.get('retry-after')));
      t.ok(performance.now() - started < 3000, 'at once');
      const unknown = await fetch(`${service.url()}/webhooks/added-since/token`, {
        method: 'POST',
        body: EVENT,
      });
      t.equal(unknown.status, 503, 'whether it may send cannot be known now');
      await postgres.start();
      await opens({ post });
      acknowledged += 1;
    }
    const { rows } = await pool.query('SELECT count(*) AS count, max(position) AS last FROM event_log');
    t.equal(rows[0].last, rows[0].count, 'without a gap');
    t.ok(rows[0].count >= acknowledged, 'each that was acknowledged is there');
  },
);

t.test('a read only or full database is a 503, and over by itself', async (t) => {
  const door = await buildIngest(t);
  const { rows } = await door.pool.query('SELECT current_database() AS name');
  const setReadOnly = async (value: string) => {
    await door.pool.query('BEGIN READ WRITE');
    await door.pool.query(`ALTER DATABASE ${rows[0].name} SET default_transaction_read_only = ${value}`);
    await door.pool.query('COMMIT');
    await door.pool.query(TERMINATE);
  };
  await setReadOnly('on');
  await waitFor(async () => (await door.post(EVENT)).status === 503);
  const refused = await door.post('no event');
  t.equal(refused.status, 503, 'what could not be kept is not told to be the sender’s fault');
  await waitFor(
    async () => ((await (await door.post(EVENT)).json()) as { code: string }).code === 'read-only',
  );
  await setReadOnly('off');
  await opens(door);

  await door.pool.query(FULL_DISK);
  t.equal(await statusOf(door.post(EVENT)), 503);
  await door.pool.query(ROOM_AGAIN);
  await opens(door);
  t.equal((await door.bodies()).length, 2);
});

t.test('while appends fail the door opens later each time, until one succeeds', async (t) => {
  const door = await buildIngest(t, { refreshMs: 2000 });
  // How long it was closed, each time: never less than it waits, however busy the machine is.
  const waits = (): number[] => {
    const lines = door.logged().trim().split('\n');
    const told = lines.map((line) => JSON.parse(line)).filter(({ msg }) => /^the door is/.test(msg));
    return told.flatMap(({ msg, time }, at) =>
      at > 0 && msg === 'the door is open' ? [time - told[at - 1].time] : [],
    );
  };
  await door.pool.query(FULL_DISK);
  await waitFor(async () => {
    if (waits().length < 5) await door.post(EVENT);
    return waits().length >= 5;
  });
  for (const [round, least] of [100, 200, 400, 800, 1600].entries())
    t.ok(waits()[round]! >= 0.9 * least, `round ${round}: ${waits()[round]} ms`);

  await door.pool.query(ROOM_AGAIN);
  await opens(door);
  const { length } = waits();
  await door.pool.query(FULL_DISK);
  t.equal(await statusOf(door.post(EVENT)), 503);
  await waitFor(() => waits().length > length);
  t.ok(waits()[length]! < waits()[4]!, `after a commit: ${waits()[length]} ms`);
});

t.test('connections that died while idle cost no event', async (t) => {
  const door = await buildIngest(t);
  for (let round = 0; round < 5; round++) {
    t.equal(await statusOf(door.post(EVENT)), 202);
    await door.pool.query(TERMINATE);
    t.equal(await statusOf(door.post(EVENT)), 202);
  }
  t.equal((await door.bodies()).length, 10, 'and none came twice');
});

t.test('what waits for a stuck commit is bounded in bytes, and taken when it is over', async (t) => {
  const door = await buildIngest(t, { inFlightBytes: 400_000 });
  const { token } = await addSource(door.pool, 'other');
  const other = `/webhooks/other/${token}`;
  t.equal(await firstPost(door, other, {}), 202);
  const blocker = await door.pool.connect();
  await blocker.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  const body = `{"event":"x","payload":{"a":"${'a'.repeat(48_000)}"}}`;
  const posts = Array.from({ length: 12 }, () => statusOf(door.post(body)));
  await waitFor(
    async () => (await door.metric('hookfold_ingest_refused_total{cause="too_much_in_flight"}')) >= 9,
  );
  const inFlight = await door.metric('hookfold_ingest_in_flight_bytes');
  t.ok(inFlight <= 200_000, 'one source takes half of what there is at the most');
  const others = [statusOf(door.post(EVENT, { path: other })), statusOf(door.post(EVENT, { path: other }))];
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > inFlight);
  await blocker.query('COMMIT');
  blocker.release();
  t.same((await Promise.all(posts)).sort(), [...Array(3).fill(202), ...Array(9).fill(503)]);
  t.same(await Promise.all(others), [202, 202], 'and does not starve the other');
  t.equal(await door.metric('hookfold_ingest_in_flight_bytes'), 0);
});

t.test('a body that is larger than what may be in flight is taken alone', async (t) => {
  const door = await buildIngest(t, { inFlightBytes: 100_000 });
  const { token } = await addSource(door.pool, 'small', { maxBytes: 1000 });
  const path = `/webhooks/small/${token}`;
  t.equal(await firstPost(door, path, {}), 202);
  const body = `{"event":"x","payload":{"a":"${'a'.repeat(300_000)}"}}`;
  t.equal(await statusOf(door.post(body, { path })), 202, 'than its source may have');
  t.equal(await statusOf(door.post(body)), 202, 'than all may have');
  const blocker = await door.pool.connect();
  await blocker.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  const first = statusOf(door.post(body, { path }));
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > body.length);
  t.equal(await statusOf(door.post(EVENT, { path })), 503, 'beside it nothing is');
  await blocker.query('COMMIT');
  blocker.release();
  t.equal(await first, 202);
  t.equal(await door.metric('hookfold_ingest_in_flight_bytes'), 0);
});

t.test('a source over its rate is refused, and only that one', async (t) => {
  const door = await buildIngest(t);
  const { token } = await addSource(door.pool, 'slow', { maxRate: 3 });
  const path = `/webhooks/slow/${token}`;
  await firstPost(door, path, {});
  const answers = await Promise.all(Array.from({ length: 20 }, () => door.post(EVENT, { path })));
  const refused = answers.filter(({ status }) => status === 503);
  t.ok(refused.length >= 15 && refused.length < 20);
  t.match(await refused[0]!.json(), { code: 'source-limit' });
  t.equal(await statusOf(door.post(EVENT)), 202);
  await waitFor(async () => (await statusOf(door.post(EVENT, { path }))) === 202);
});

t.test('what is rejected is bounded, and a stop answers what is in flight', async (t) => {
  const door = await buildIngest(t, { rejectedBounds: { days: 1, totalBytes: 40_000 } });
  for (let round = 0; round < 12; round++) t.equal(await statusOf(door.post('x'.repeat(9000))), 400);
  await waitFor(async () => {
    const { rows } = await door.pool.query('SELECT id FROM rejected_webhook ORDER BY id');
    return rows.length <= 5 && rows.at(-1).id === 12;
  });
  const blocker = await door.pool.connect();
  await blocker.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  const posts = Array.from({ length: 50 }, () => statusOf(door.post(EVENT)));
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 50 * 2048);
  const stopped = door.service.stop();
  await blocker.query('COMMIT');
  blocker.release();
  await stopped;
  t.same(new Set(await Promise.all(posts)), new Set([202]));
  t.equal((await door.bodies()).length, 50);
});
