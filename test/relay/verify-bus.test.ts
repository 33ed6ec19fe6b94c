import t from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

/** What a fetch ends with where whose consumer it is gives that up first. */
const CONSUMER_DELETED = '409';

t.test('messages that were sent and did not arrive are no difference to verify bus', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 1200);
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 1200);
  const { connection, manager } = await openBus(t, server.url);
  let taken = 0;
  /** Takes what the consumer of the comparison would have had next, for which it then counts as sent. */
  async function take(): Promise<void> {
    const [consumer] = await manager.consumers.list(STREAM).next();
    const theirs = await connection.jetstream().consumers.get(STREAM, consumer!.name);
    try {
      for await (const _ of await theirs.fetch({ max_messages: 700, expires: 1000 })) taken += 1;
    } catch (error) {
      if ((error as { code?: string }).code !== CONSUMER_DELETED) throw error;
    }
  }
  let taking: Promise<void> | undefined;
  const outcome = await verifyBus({
    pool: database.pool,
    natsUrl: server.url,
    onProgress: () => {
      taking ??= take();
    },
  });
  await taking;
  t.ok(taken > 0);
  t.same(outcome, { compared: 1200, sequence: 1200, head: 1200 });
  await manager.streams.deleteMessage(STREAM, 700);
  t.match((await verifyBus({ pool: database.pool, natsUrl: server.url })).difference, {
    position: 700,
    finding: 'the stream has no message',
  });
});
