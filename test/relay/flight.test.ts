// Several runs under way at once: what is told of them, and when.
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ensureStream } from '../../src/bus/stream.js';
import { createMirroredRunReader } from '../../src/log/mirrored-run-reader.js';
import { createAlarm } from '../../src/relay/alarm.js';
import { createFlight, type SentRun } from '../../src/relay/flight.js';
import { mirror } from '../../src/relay/mirror.js';
import { createRunPublisher } from '../../src/relay/publish-run.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, openBus } from './mirrored-log.js';

async function setUp(t: Test, events: number) {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, events);
  const bus = await openBus(t, server.url);
  await ensureStream(bus.connection);
  const { events: log } = await createMirroredRunReader(database.pool)(0, { events, bytes: 1e9 });
  const publishRun = createRunPublisher(bus.connection);
  const send = (from: number, to: number, previousId = log[from - 2]?.event_id): SentRun => {
    const run = log.slice(from - 1, to);
    const stored = publishRun(run, previousId);
    return { position: to, events: run.length, bytes: 1000, stored };
  };
  return { ...database, ...bus, server, log, send };
}

function recordedFlight() {
  const told: number[] = [];
  return { told, flight: createFlight((position) => told.push(position)) };
}

/** A run whose answer comes when the test says so. */
function heldRun(position: number, bytes = 1) {
  let answer = () => {};
  let fail = (_: Error) => {};
  const stored = new Promise<void>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  return { run: { position, events: 1, bytes, stored }, answer, fail };
}

async function isPending(promise: Promise<void>): Promise<boolean> {
  let pending = true;
  const done = () => {
    pending = false;
  };
  promise.then(done, done);
  for (let turns = 0; turns < 5; turns++) await turn();
  return pending;
}

t.test('runs sent without waiting are stored and told of in order', async (t) => {
  const { send, sequence } = await setUp(t, 400);
  const { told, flight } = recordedFlight();
  for (let from = 1; from <= 400; from += 100) flight.add(send(from, from + 99));
  await flight.landed();
  t.same(told, [100, 200, 300, 400]);
  t.equal(await sequence(), 400);
});

t.test('a run refused in the middle: nothing behind it is stored, or told of', async (t) => {
  const { connection, send, log, sequence } = await setUp(t, 400);
  const { told, flight } = recordedFlight();
  flight.add(send(1, 100));
  flight.add(send(101, 199));
  connection.publish('munity.a.stranger.is.here.now'); // In the place of event 200.
  flight.add(send(201, 300));
  flight.add(send(301, 400, log[299]!.event_id));
  await t.rejects(flight.landed(), {
    code: 'HOOKFOLD_RUN_REFUSED',
    message: /refused the event at 300/,
    outOfOrder: true,
  });
  await t.rejects(flight.room(1), { code: 'HOOKFOLD_RUN_REFUSED' }, 'no run may follow');
  await flight.settled();
  t.same(told, [100, 199]);
  t.equal(await sequence(), 200, 'the two runs, and the stranger');
});

t.test('an answer that overtakes another is not told of before it', async (t) => {
  const { told, flight } = recordedFlight();
  const [first, second] = [heldRun(1), heldRun(2)];
  flight.add(first.run);
  flight.add(second.run);
  second.answer();
  t.ok(await isPending(flight.landed()));
  t.same(told, []);
  first.answer();
  await flight.landed();
  t.same(told, [1, 2]);
});

t.test(
  'the first failure in order is the cause, and a flight settles only when all are answered',
  async (t) => {
    const { told, flight } = recordedFlight();
    const runs = [1, 2, 3].map((position) => heldRun(position));
    for (const { run } of runs) flight.add(run);
    runs[2]!.fail(new Error('an echo'));
    runs[1]!.fail(new Error('the cause'));
    t.ok(await isPending(flight.landed()), 'nothing is known while the first is not answered');
    const settled = flight.settled();
    t.ok(await isPending(settled));
    runs[0]!.answer();
    await settled;
    await t.rejects(flight.landed(), { message: 'the cause' });
    await t.rejects(flight.room(1), { message: 'the cause' });
    t.same(told, [1]);
  },
);

t.test('runs and bytes in flight are bounded; a run of any size flies alone', async (t) => {
  const few = recordedFlight().flight;
  const runs = [1, 2, 3].map((position) => heldRun(position));
  for (const { run } of runs) {
    t.notOk(await isPending(few.room(1)));
    few.add(run);
  }
  const room = few.room(1);
  t.ok(await isPending(room), 'three are in flight');
  runs[0]!.answer();
  await room;

  const large = recordedFlight().flight;
  t.notOk(await isPending(large.room(1e9)));
  const alone = heldRun(1, 1e9);
  large.add(alone.run);
  const next = large.room(1);
  t.ok(await isPending(next));
  alone.answer();
  await next;
});

t.test('a mirror that may publish no more ends when all that it sent is told of', async (t) => {
  const { connection, pool, sequence, server } = await setUp(t, 1000);
  const told: number[] = [];
  let asked = 0;
  const options = {
    connection,
    pool,
    limits: { events: 10, bytes: 100_000 },
    firstRunEvents: 10,
    alarm: createAlarm(),
    pollMs: 10,
    gatherMs: 0,
    onMirrored: (position: number) => void told.push(position),
  };
  await mirror({ ...options, mayPublish: () => ++asked <= 20 });
  t.same(
    told,
    Array.from({ length: 21 }, (_, index) => index * 10),
  );
  t.equal(await sequence(), 200, 'nothing was sent that is not told of');

  let stop = false;
  const mirroring = mirror({ ...options, mayPublish: () => !stop });
  await assertMirrored(t, pool, server.url, 1000);
  await waitFor(() => told.at(-1) === 1000);
  stop = true;
  await mirroring;
});

t.test('a stranger in the midst of a mirror: it fails with no run in flight', async (t) => {
  const { connection, pool, sequence } = await setUp(t, 3000);
  const told: number[] = [];
  const mirroring = mirror({
    connection,
    pool,
    limits: { events: 10, bytes: 100_000 },
    firstRunEvents: 10,
    alarm: createAlarm(),
    pollMs: 10,
    gatherMs: 0,
    mayPublish: () => true,
    onMirrored(position) {
      told.push(position);
      if (told.length === 50) connection.publish('munity.a.stranger.is.here.now');
    },
  });
  await t.rejects(mirroring, { code: 'HOOKFOLD_RUN_REFUSED', outOfOrder: true });
  const end = await sequence();
  t.ok(end < 3000);
  t.equal(told.at(-1), end - 1, 'all before the stranger is told of, and nothing behind it is stored');
  t.same(
    told,
    [...told].sort((a, b) => a - b),
  );
});
