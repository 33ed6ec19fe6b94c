// What the relay says to do with a stream that the log is no longer the original of.
import t, { type Test } from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { appendEvents } from '../../src/log/append-events.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { newEvent } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

const ADVICE = /belong together, keep the stream: .*save them.*"Events that the log lost" in docs\/bus\.md/;
const DELETE = /delete the stream \(|stream rm/;

/** A stream of ten events, beside a log that was restored with the first six of them. */
async function restore(t: Test) {
  const [old, log, server] = await Promise.all([
    createTestDatabase(t),
    createTestDatabase(t),
    createTestBus(t),
  ]);
  const events = Array.from({ length: 10 }, (_, n) => newEvent({ event: 'e', payload: { n } }));
  await appendEvents(old.pool, events);
  await appendEvents(log.pool, events.slice(0, 6));
  const relay = await startRelay(t, { databaseUrl: old.url, natsUrl: server.url });
  await assertMirrored(t, old.pool, server.url, 10);
  await relay.stop();
  return { log, natsUrl: server.url };
}

t.test('beside a log that was restored from an older backup the stream is to be kept', async (t) => {
  const { log, natsUrl } = await restore(t);
  const relay = await startRelay(t, { databaseUrl: log.url, natsUrl });
  const refusal = (finding: RegExp) => waitFor(() => relay.status().error?.match(finding)?.input);
  const ended = await refusal(/goes up to sequence 10, and the log has no event at that position/);
  t.match(ended, ADVICE);
  t.notMatch(ended, DELETE);
  await appendFixture(log.pool, 10);
  const grown = await refusal(/sequence 10 is event \S+, the log has/);
  t.match(grown, ADVICE);
  t.notMatch(grown, DELETE);
});

t.test('so it is where somebody removed its last message', async (t) => {
  const { log, natsUrl } = await restore(t);
  const { manager } = await openBus(t, natsUrl);
  await manager.streams.deleteMessage(STREAM, 10);
  const relay = await startRelay(t, { databaseUrl: log.url, natsUrl });
  await waitFor(() => relay.status().error?.includes('sequence 10, was removed'));
  t.match(relay.status().error, ADVICE);
  t.notMatch(relay.status().error, DELETE);
});

for (const appended of [0, 3, 4, 10])
  t.test(
    `a log is restored in place while the relay runs, and ${appended} events are appended`,
    async (t) => {
      const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
      for (const count of [6, 4]) await appendFixture(pool, count);
      const relay = await startRelay(t, { databaseUrl: url, natsUrl: server.url });
      await assertMirrored(t, pool, server.url, 10);
      await inTransaction(pool, async (client) => {
        for (const [table, position] of [
          ['event_log_1', 'position'],
          ['seal', 'last_position'],
        ]) {
          await client.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
          await client.query(`DELETE FROM ${table} WHERE ${position} > 6`);
          await client.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
        }
        await appendFixture(client, appended);
      });
      await waitFor(() => relay.status().state === 'refused');
      t.match(relay.status().error, ADVICE);
      await appendFixture(pool, 10);
      relay.ring(20);
      const { sequence } = await openBus(t, server.url);
      await waitFor(() => relay.status().error?.includes('the log has 0'), { what: 'another event there' });
      t.equal(await sequence(), 10, 'nothing of the other log was published');
    },
  );

t.test(
  'where the event at the end of the stream is in a partition that was detached, that is said',
  async (t) => {
    const [{ database, detach, attach }, server] = await Promise.all([
      createPartitionedLog(t),
      createTestBus(t),
    ]);
    const { pool, url } = database;
    await appendFixture(pool, SIZE);
    const first = await startRelay(t, { databaseUrl: url, natsUrl: server.url });
    await assertMirrored(t, pool, server.url, SIZE);
    await first.stop();
    await appendFixture(pool, 5);
    await detach(1);
    const relay = await startRelay(t, { databaseUrl: url, natsUrl: server.url });
    await waitFor(() => relay.status().state === 'refused');
    t.match(relay.status().error, new RegExp(`no event at position ${SIZE},.*attach the partition`, 'is'));
    await attach(1);
    await assertMirrored(t, pool, server.url, SIZE + 5);
  },
);
