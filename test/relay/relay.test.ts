import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import t from 'tap';
import { DOORBELL_SUBJECT } from '../../src/bus/doorbell.js';
import { type Claim, digestOf } from '../../src/bus/message.js';
import { ensureStream, findMessage, STREAM } from '../../src/bus/stream.js';
import { subjectOf } from '../../src/bus/subject.js';
import { createMirroredRunReader } from '../../src/log/mirrored-run-reader.js';
import { readAt, readHead } from '../../src/log/read-log.js';
import { readBusState } from '../../src/relay/bus-state.js';
import { createRunPublisher } from '../../src/relay/publish-run.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { runProgram } from '../support/run-program.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

t.test('the stream becomes the log: message n is event n, byte for byte', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 1500);
  const metrics = new Registry();
  const limits = { events: 200, bytes: 1024 * 1024 };
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: server.url, metrics, limits });
  await assertMirrored(t, database.pool, server.url, 1500);

  await appendFixture(database.pool, 3);
  relay.ring(1503);
  await assertMirrored(t, database.pool, server.url, 1503);
  await waitFor(() => relay.status().position === 1503);
  t.same(relay.status(), { state: 'mirroring', position: 1503 });
  const text = await metrics.metrics();
  t.match(text, 'hookfold_relay_position 1503');
  t.match(text, 'hookfold_relay_lag_events 0');
  t.match(text, 'hookfold_relay_published_total 1503');
  t.match(text, 'hookfold_relay_state{state="mirroring"} 1');
  t.match(await readBusState(database.pool, server.url), { sequence: 1503, first_sequence: 1, reason: null });
});

t.test('what many append at once is one run, a single event is published at once', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const { connection } = await openBus(t, server.url);
  const published: number[] = [];
  connection.subscribe(DOORBELL_SUBJECT, {
    callback: (_error, message) => void published.push(Number(message.string())),
  });
  await connection.flush();
  const pace = { pollMs: 1, gatherMs: 2000 };
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url, ...pace });
  const reached = (position: number) => waitFor(() => published.at(-1) === position);
  for (const position of [1, 2]) {
    await appendFixture(database.pool, 1);
    await reached(position);
  }
  await appendFixture(database.pool, 40);
  await reached(42);
  for (let commit = 0; commit < 5; commit++) await appendFixture(database.pool, 10);
  await reached(92);
  t.same(published, [1, 2, 42, 92]);
  await assertMirrored(t, database.pool, server.url, 92);
});

t.test('a subscriber sees CloudEvents, under a subject that it can filter', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const body =
    '{"workspace_id": "W 1", "customer_id": "a.b", "event": "integration_resource_new", "state": null, "payload": {"id": "I", "type": "crm_x", "resource_id": "r\\r\\nX: y"}}';
  await appendBodies(database.pool, [body]);
  const { connection } = await openBus(t, server.url);
  const subscription = connection.subscribe('munity.W%201.*.integration_resource_new.>', { max: 1 });
  await connection.flush();
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  const event = (await readAt(database.pool, 1))!;
  for await (const message of subscription) {
    t.equal(message.subject, 'munity.W%201.a%2Eb.integration_resource_new.I.crm_x');
    t.equal(message.string(), body);
    t.match(Object.fromEntries([...message.headers!].map(([name, [value]]) => [name, value])), {
      'ce-specversion': '1.0',
      'ce-id': event.event_id,
      'ce-source': '/hookfold/test',
      'ce-type': 'munity.integration_resource_new',
      'ce-time': event.received_at,
      'ce-subject': 'I/crm_x/r%0D%0AX%3A%20y',
      'content-type': 'application/json',
      'Hookfold-Position': '1',
      'Nats-Msg-Id': event.event_id,
      'Nats-Expected-Last-Sequence': '0',
    });
    t.notOk(message.headers!.has('X'), 'no value becomes a header');
  }
});

t.test('a body over the largest payload is replaced by a claim with its digest', async (t) => {
  const [database, server] = await Promise.all([
    createTestDatabase(t),
    createTestBus(t, { maxPayload: 4096 }),
  ]);
  const webhook = (text: string) => JSON.stringify({ event: 'e', payload: { id: 'I', text } });
  await appendBodies(database.pool, [
    webhook('x'),
    webhook('é'.repeat(2000)),
    webhook('y'.repeat(3000)),
    webhook('z'),
  ]);
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 4);
  const { manager } = await openBus(t, server.url);
  const large = (await readAt(database.pool, 2))!;
  const message = (await findMessage(manager, 2))!;
  t.equal(message.header.get('Hookfold-Claim'), '/v1/events/2/body');
  t.equal(message.header.get('Hookfold-Digest'), digestOf(large.body));
  t.same(message.json<Claim>(), {
    position: 2,
    event_id: large.event_id,
    bytes: Buffer.byteLength(large.body),
    sha256: digestOf(large.body),
    body: '/v1/events/2/body',
  });
  t.notOk((await findMessage(manager, 3))!.header.has('Hookfold-Claim'), 'what fits is sent as it is');
});

t.test('names of any length and spelling stay within the protocol', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const long = 'é'.repeat(50_000);
  const payload = { id: long, type: long, resource_id: long };
  await appendBodies(database.pool, [
    JSON.stringify({ workspace_id: long, customer_id: long, event: long, payload }),
    JSON.stringify({
      workspace_id: '',
      customer_id: '_',
      event: '',
      payload: { id: '\r\n', type: '>', resource_id: '*' },
    }),
  ]);
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 2);
});

t.test('the doorbell tells the position at an append and again when it is mirrored', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const { connection } = await openBus(t, server.url);
  const rings: string[] = [];
  connection.subscribe(DOORBELL_SUBJECT, { callback: (_, message) => void rings.push(message.string()) });
  await connection.flush();
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: server.url, pollMs: 60_000 });
  await waitFor(() => relay.status().state === 'mirroring');
  await appendFixture(database.pool, 2);
  relay.ring(2);
  await waitFor(() => rings.length === 2);
  t.same(rings, ['2', '2']);
});

t.test('a stream that is no copy of the log is left alone, and the error says what to do', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 5);
  const { connection, manager, sequence } = await openBus(t, server.url);
  await ensureStream(connection);
  await connection.jetstream().publish('munity.someone.else.wrote.this.here', 'x');
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await waitFor(() => relay.status().state === 'refused');
  t.match(relay.status().error, /no copy of this log.*sequence 1 is no event of hookfold.*keep the stream/s);
  t.equal(await sequence(), 1, 'nothing was published');
  t.match((await readBusState(database.pool, server.url)).reason, /no copy of this log/);
  const env = { DATABASE_URL: database.url, NATS_URL: server.url };
  const { stdout } = await runProgram(t, ['status'], env).exit;
  t.match(stdout, /^bus +HOOKFOLD at 1: .*no copy of this log.*sequence 1 is no event of hookfold/m);
  t.match((await verifyBus({ pool: database.pool, natsUrl: server.url })).difference, { position: 1 });

  await manager.streams.delete(STREAM);
  await assertMirrored(t, database.pool, server.url, 5);
  t.match((await runProgram(t, ['status'], env).exit).stdout, /^bus +HOOKFOLD at 5, 0 behind$/m);
  await relay.stop();
  await manager.streams.update(STREAM, { max_msgs: 10 });
  t.match((await readBusState(database.pool, server.url)).reason, /max_msgs 10, expected -1/);
});

t.test('a stream of another log, longer or shorter, is left alone', async (t) => {
  const [one, other, server] = await Promise.all([
    createTestDatabase(t),
    createTestDatabase(t),
    createTestBus(t),
  ]);
  await appendFixture(one.pool, 5);
  const first = await startRelay(t, { databaseUrl: one.url, natsUrl: server.url });
  await assertMirrored(t, one.pool, server.url, 5);
  await first.stop();

  const { sequence } = await openBus(t, server.url);
  const relay = await startRelay(t, { databaseUrl: other.url, natsUrl: server.url });
  await waitFor(() => relay.status().state === 'refused');
  t.match(relay.status().error, /goes up to sequence 5, and the log has no event at that position/);
  await appendFixture(other.pool, 9);
  await waitFor(() => relay.status().error?.includes('the log has 0'), {
    what: 'the finding of another event',
  });
  t.equal(await sequence(), 5);
});

t.test('a message that a stranger adds while the relay runs stops it', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 5);
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 5);
  const { connection, sequence } = await openBus(t, server.url);
  const event = (await readAt(database.pool, 5))!;
  await connection.jetstream().publish(subjectOf(event), event.body);
  await appendFixture(database.pool, 20);
  relay.ring(await readHead(database.pool));
  await waitFor(() => relay.status().state === 'refused');
  t.match(relay.status().error, /sequence 6 is no event of hookfold/);
  t.equal(await sequence(), 6, 'nothing follows the foreign message');
});

t.test('a run is refused after a foreign message at the expected sequence', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 6);
  const { connection, sequence } = await openBus(t, server.url);
  await ensureStream(connection);
  const { events } = await createMirroredRunReader(database.pool)(0, { events: 6, bytes: 1e9 });
  const publishRun = createRunPublisher(connection);
  await publishRun(events.slice(0, 2));
  await connection.jetstream().publish(subjectOf(events[2]!), '{}');
  await t.rejects(publishRun(events.slice(3), events[2]!.event_id), {
    code: 'HOOKFOLD_RUN_REFUSED',
  });
  t.equal(await sequence(), 3, 'nothing of the run was stored');
});

t.test('a stream that was set up otherwise is left alone', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 5);
  const { manager } = await openBus(t, server.url);
  await manager.streams.add({ name: STREAM, subjects: ['munity.>'], max_msgs: 2 });
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await waitFor(() => relay.status().state === 'refused');
  t.match(relay.status().error, /max_msgs 2, expected -1/);
  await manager.streams.update(STREAM, { max_msgs: -1 });
  await assertMirrored(t, database.pool, server.url, 5);
});

t.test('a relay without a server waits, and stops at once', async (t) => {
  const database = await createTestDatabase(t);
  const relay = await startRelay(t, { databaseUrl: database.url, natsUrl: 'nats://127.0.0.1:9' });
  await waitFor(() => relay.status().state === 'disconnected');
  const stopped = await Promise.race([relay.stop().then(() => true), delay(2000, false, { ref: false })]);
  t.ok(stopped);
});
