// Everything that can break between log and stream, broken: at the end the stream is the log.
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { nanos, type StreamUpdateConfig } from 'nats';
import type pg from 'pg';
import t, { type Test } from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import type { RelayStatus } from '../../src/relay/relay-metrics.js';
import { forkTypescript } from '../support/fork-typescript.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

async function setUp(t: Test, events: number) {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, events);
  const options = { databaseUrl: database.url, natsUrl: server.url, limits: { events: 20, bytes: 100_000 } };
  return { pool: database.pool, server, options };
}

/** Of a log that is empty. */
async function makeSmallPartitions(pool: pg.Pool): Promise<void> {
  await pool.query('UPDATE log_setting SET partition_size = 10');
  await pool.query('DROP TABLE event_log_1; DELETE FROM event_log_partition');
  await pool.query('SELECT ensure_event_log_partitions(1)');
}

function forkRelay(t: Test, { databaseUrl, natsUrl }: { databaseUrl: string; natsUrl: string }) {
  const env = { ...process.env, DATABASE_URL: databaseUrl, NATS_URL: natsUrl };
  const child = forkTypescript(new URL('relay-process.ts', import.meta.url), [], { env });
  let status: RelayStatus | undefined;
  child.on('message', (sent) => {
    status = sent as RelayStatus;
  });
  const kill = async () => {
    if (child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.teardown(kill);
  return { kill, status: () => status };
}

t.test('two relays that know nothing of each other make one stream', async (t) => {
  const { pool, server, options } = await setUp(t, 1000);
  await Promise.all([1, 2].map(() => startRelay(t, { ...options, exclusive: false })));
  for (let round = 0; round < 20; round++) await appendFixture(pool, 50);
  await assertMirrored(t, pool, server.url, 2000);
});

t.test('a relay killed in a run is replaced within the time of its lease', async (t) => {
  const { pool, server, options } = await setUp(t, 2000);
  const killed = forkRelay(t, options);
  await waitFor(() => (killed.status()?.position ?? 0) > 0, { everyMs: 1 });
  await killed.kill();
  const { sequence } = await openBus(t, server.url);
  const left = await sequence();
  t.ok(left < 2000, 'it had runs to go');
  t.ok(left >= killed.status()!.position, 'it told of nothing that is not in the stream');
  const started = performance.now();
  const relay = await startRelay(t, options);
  await waitFor(() => relay.status().state === 'standby');
  await waitFor(() => relay.status().state === 'mirroring');
  t.ok(performance.now() - started < 3000);
  await assertMirrored(t, pool, server.url, 2000);
});

t.test('a stream that is deleted is made again, even if nothing is appended', async (t) => {
  const { pool, server, options } = await setUp(t, 200);
  await startRelay(t, options);
  await assertMirrored(t, pool, server.url, 200);
  const { manager } = await openBus(t, server.url);
  await manager.streams.delete(STREAM);
  await waitFor(() => manager.streams.info(STREAM).catch(() => undefined), { what: 'the stream' });
  await assertMirrored(t, pool, server.url, 200);
  await manager.streams.delete(STREAM);
  await appendFixture(pool, 100);
  await assertMirrored(t, pool, server.url, 300);
});

t.test('the server may be stopped and killed, in a run or between', async (t) => {
  const { pool, server, options } = await setUp(t, 3000);
  const relay = await startRelay(t, options);
  await waitFor(() => relay.status().position > 100);
  await server.kill();
  await waitFor(() => relay.status().state === 'disconnected');
  await appendFixture(pool, 100);
  await server.start();
  await assertMirrored(t, pool, server.url, 3100);
  await server.stop();
  await appendFixture(pool, 100);
  await server.start();
  await assertMirrored(t, pool, server.url, 3200);
});

t.test('a tail that the server lost is sent again', async (t) => {
  const { pool, server, options } = await setUp(t, 300);
  await startRelay(t, options);
  await assertMirrored(t, pool, server.url, 300);
  await server.stop();
  const before = `${server.storeDir}.before`;
  t.teardown(() => rmSync(before, { recursive: true, force: true }));
  cpSync(server.storeDir, before, { recursive: true });
  await server.start();
  await appendFixture(pool, 100);
  await assertMirrored(t, pool, server.url, 400);

  await server.kill();
  rmSync(server.storeDir, { recursive: true });
  cpSync(before, server.storeDir, { recursive: true });
  await server.start();
  await assertMirrored(t, pool, server.url, 400);
});

t.test('a stream that takes no message is told of with its reason, and tried again', async (t) => {
  const { pool, server, options } = await setUp(t, 50);
  const relay = await startRelay(t, options);
  await assertMirrored(t, pool, server.url, 50);
  const { manager } = await openBus(t, server.url);
  await manager.streams.update(STREAM, { sealed: true } as Partial<StreamUpdateConfig>);
  await appendFixture(pool, 50);
  await waitFor(() => relay.status().state === 'failing');
  t.match(relay.status().error, /refused the event at \d+: .*sealed/);
  await manager.streams.delete(STREAM);
  await assertMirrored(t, pool, server.url, 100);
  t.same(relay.status().state, 'mirroring');
});

t.test('limits that a stream is given while nothing is published stop the relay', async (t) => {
  const { pool, server, options } = await setUp(t, 50);
  const relay = await startRelay(t, options);
  await assertMirrored(t, pool, server.url, 50);
  const { manager, sequence } = await openBus(t, server.url);
  await manager.streams.update(STREAM, { max_age: nanos(24 * 3600 * 1000) });
  await waitFor(() => relay.status().state === 'refused', { what: 'the relay to see the limit' });
  t.match(relay.status().error, /max_age 86400000000000, expected 0/);
  await appendFixture(pool, 10);
  t.equal(await sequence(), 50, 'nothing was published');
  await manager.streams.update(STREAM, { max_age: 0 });
  await assertMirrored(t, pool, server.url, 60);
});

t.test('so do limits that it is given while there is always something to publish', async (t) => {
  const { server, options } = await setUp(t, 8000);
  const relay = await startRelay(t, { ...options, limits: { ...options.limits, events: 1 } });
  await waitFor(() => relay.status().position > 0, { everyMs: 1 });
  const { manager, sequence } = await openBus(t, server.url);
  await manager.streams.update(STREAM, { max_age: nanos(24 * 3600 * 1000) });
  await waitFor(() => relay.status().state === 'refused', { what: 'the relay to see the limit' });
  t.match(relay.status().error, /max_age 86400000000000, expected 0/);
  t.ok((await sequence()) < 8000, 'it had more to publish');
});

t.test('where the last message was removed by hand, the relay stops and says so', async (t) => {
  const { pool, server, options } = await setUp(t, 50);
  const relay = await startRelay(t, options);
  await assertMirrored(t, pool, server.url, 50);
  const { manager } = await openBus(t, server.url);
  await manager.streams.deleteMessage(STREAM, 50);
  await relay.stop();
  await relay.start();
  await waitFor(() => relay.status().state === 'refused');
  t.match(relay.status().error, /its last message, at sequence 50, was removed.*keep the stream/);
  await manager.streams.delete(STREAM);
  await assertMirrored(t, pool, server.url, 50);
});

t.test(
  'where the stream has to be made again and the oldest partition is detached, the relay says so',
  async (t) => {
    const { pool, server, options } = await setUp(t, 0);
    await makeSmallPartitions(pool);
    await appendFixture(pool, 30);
    const relay = await startRelay(t, options);
    await assertMirrored(t, pool, server.url, 30);
    await relay.stop();
    const { manager, sequence } = await openBus(t, server.url);
    await pool.query('ALTER TABLE event_log DETACH PARTITION event_log_1');
    await manager.streams.delete(STREAM);
    await relay.start();
    await waitFor(() => relay.status().state === 'refused');
    t.match(relay.status().error, /no event at position 1,.*attach the partition/is);
    t.equal(await sequence(), 0, 'nothing was published');
    await pool.query('ALTER TABLE event_log ATTACH PARTITION event_log_1 FOR VALUES FROM (1) TO (11)');
    await assertMirrored(t, pool, server.url, 30);
    t.same(relay.status().state, 'mirroring');
  },
);

t.test(
  'a partition that goes before its events are mirrored stops the relay, in a run or between',
  async (t) => {
    for (const events of [5, 20]) {
      const { pool, server, options } = await setUp(t, 0);
      await makeSmallPartitions(pool);
      await appendFixture(pool, 10);
      const relay = await startRelay(t, { ...options, limits: { ...options.limits, events } });
      await assertMirrored(t, pool, server.url, 10);
      await inTransaction(pool, async (client) => {
        await appendFixture(client, 15);
        await client.query('ALTER TABLE event_log DETACH PARTITION event_log_11');
      });
      await waitFor(() => relay.status().state === 'refused');
      t.match(relay.status().error, /no event at position 11,/);
      const { sequence } = await openBus(t, server.url);
      t.equal(await sequence(), 10, `nothing was published behind the gap, in runs of ${events}`);
    }
  },
);

t.test('stopping finishes the run in flight, and starting goes on after it', async (t) => {
  const { pool, server, options } = await setUp(t, 3000);
  const relay = await startRelay(t, options);
  await waitFor(() => relay.status().position > 100);
  const started = performance.now();
  await relay.stop();
  t.ok(performance.now() - started < 2500);
  const { sequence } = await openBus(t, server.url);
  t.equal(await sequence(), relay.status().position, 'all that was sent is acknowledged');
  await relay.start();
  await assertMirrored(t, pool, server.url, 3000);
});
