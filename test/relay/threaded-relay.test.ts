import pino from 'pino';
import t from 'tap';
import { DOORBELL_SUBJECT } from '../../src/bus/doorbell.js';
import { createThreadedRelay } from '../../src/relay/threaded-relay.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, openBus } from './mirrored-log.js';

const quiet = { logLevel: 'silent', logger: pino({ level: 'silent' }) };

t.test('a relay in a thread of its own mirrors the log, rings, shows its metrics and stops', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const { connection } = await openBus(t, server.url);
  const rings: number[] = [];
  connection.subscribe(DOORBELL_SUBJECT, {
    callback: (_error, message) => void rings.push(Number(message.string())),
  });
  await connection.flush();
  const relay = createThreadedRelay({ databaseUrl: database.url, natsUrl: server.url, ...quiet });
  t.teardown(() => relay.stop());
  await relay.start();
  await appendFixture(database.pool, 300);
  relay.ring(300);
  await assertMirrored(t, database.pool, server.url, 300);
  await waitFor(() => rings.includes(300));
  t.match(await relay.metrics(), /^hookfold_relay_published_total 300$/m);
  await relay.stop();
  await relay.stop();
  t.equal(await relay.metrics(), '', 'nothing is shown of one that does not run');
  const { rows } = await database.pool.query('SELECT * FROM hookfold.lease WHERE expires_at > now()');
  t.same(rows, [], 'its lease is given back');
  await appendFixture(database.pool, 100);
  await relay.start();
  await assertMirrored(t, database.pool, server.url, 400);
});

t.test('a thread that ends is told of, and another takes over', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const told: unknown[] = [];
  const logger = { error: (...args: unknown[]) => void told.push(args[1]) };
  const urls = { databaseUrl: database.url, natsUrl: server.url };
  const failing = createThreadedRelay({
    ...urls,
    logLevel: 'no level, so it cannot start',
    logger: logger as never,
  });
  await failing.start();
  await waitFor(() => told.length >= 2, { timeoutMs: 20_000, what: 'two ends of it' });
  t.match(told[0], /started again/);
  await failing.stop();
  const ends = told.length;
  const relay = createThreadedRelay({ ...urls, ...quiet });
  t.teardown(() => relay.stop());
  await relay.start();
  await appendFixture(database.pool, 50);
  await assertMirrored(t, database.pool, server.url, 50);
  t.equal(told.length, ends, 'one that was stopped is not started again');
});

t.test('a thread that cannot be made is told of, and tried again: the door goes on', async (t) => {
  const told: unknown[] = [];
  const relay = createThreadedRelay({
    ...{ databaseUrl: 'postgres://127.0.0.1:1/none', natsUrl: 'nats://127.0.0.1:1' },
    logLevel: (() => 'cannot be handed to a thread') as never,
    logger: { error: (...args: unknown[]) => void told.push(args[1]) } as never,
  });
  await relay.start();
  await waitFor(() => told.length >= 2, { what: 'two failures' });
  await relay.stop();
  t.match(told[0], /started again/);
});
