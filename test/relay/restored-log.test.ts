// What the relay says to do with a stream that the log is no longer the original of.
import t, { type Test } from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { newEvent } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, startRelay } from './mirrored-log.js';

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
