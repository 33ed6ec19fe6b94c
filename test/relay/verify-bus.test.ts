import t, { type Test } from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { createPool } from '../../src/postgres/connect.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { runProgram } from '../support/run-program.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

t.test('messages that were sent and did not arrive are no difference to verify bus', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 1200);
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 1200);
  const { connection, manager } = await openBus(t, server.url);
  // Of one connection: the comparison waits for its next page while it is lent.
  const pool = createPool(database.url, { max: 1 });
  t.teardown(() => pool.end());
  let taken = 0;
  /** Takes what the consumer of the comparison would have had next, for which it then counts as sent. */
  async function take(): Promise<void> {
    const client = await pool.connect();
    const [consumer] = await manager.consumers.list(STREAM).next();
    const theirs = await connection.jetstream().consumers.get(STREAM, consumer!.name);
    for await (const _ of await theirs.fetch({ max_messages: 700 })) taken += 1;
    client.release();
  }
  let taking: Promise<void> | undefined;
  const onProgress = () => {
    taking ??= take();
  };
  const outcome = await verifyBus({ pool, natsUrl: server.url, onProgress });
  await taking;
  t.equal(taken, 700);
  t.same(outcome, { compared: 1200, first_sequence: 1, sequence: 1200, head: 1200 });
  await manager.streams.deleteMessage(STREAM, 700);
  t.match((await verifyBus({ pool: database.pool, natsUrl: server.url })).difference, {
    position: 700,
    finding: 'the stream has no message',
  });
});

/** A log of 300 events and its stream. */
async function setUp(t: Test) {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 300);
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 300);
  await relay.stop();
  const { manager } = await openBus(t, server.url);
  const env = { DATABASE_URL: database.url, NATS_URL: server.url };
  const verify = () => runProgram(t, ['verify', 'bus'], env).exit;
  return { ...database, natsUrl: server.url, manager, verify };
}

t.test('an event that was taken out of the log is not put down to the stream', async (t) => {
  const { pool, natsUrl } = await setUp(t);
  await pool.query('ALTER TABLE event_log_1 DISABLE TRIGGER ALL');
  await pool.query('DELETE FROM event_log_1 WHERE position = 250');
  await t.rejects(verifyBus({ pool, natsUrl }), { code: 'HOOKFOLD_EVENT_MISSING', position: 250 });
});

t.test('where the oldest messages were removed, the others are compared, and it is said', async (t) => {
  const { pool, natsUrl, manager, verify } = await setUp(t);
  await manager.streams.purge(STREAM, { seq: 101 });
  t.match(await verify(), {
    code: 0,
    stdout: /^200 messages equal the log's events; the stream begins at 101, what was before it was not/,
  });
  await manager.streams.deleteMessage(STREAM, 250);
  t.same(await verifyBus({ pool, natsUrl }), {
    ...{ compared: 149, first_sequence: 101, sequence: 300, head: 300 },
    difference: { position: 250, finding: 'the stream has no message' },
  });
  await manager.streams.purge(STREAM);
  t.match(await verify(), { code: 1, stdout: /^position 300: the stream has no message \(0 before/ });
});
