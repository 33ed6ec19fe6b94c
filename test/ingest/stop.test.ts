import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { waitFor } from '../support/wait-for.js';
import { buildIngest, EVENT, exchange, statuses, type TestIngest } from './build-ingest.js';

const request = (path: string, body = EVENT) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const askReady = (door: TestIngest) => exchange(door.port, 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');

/** A connection that is kept open, on which one webhook was acknowledged. */
async function connectKept(t: Pick<Test, 'teardown'>, door: TestIngest) {
  const socket = connect(door.port, '127.0.0.1').setEncoding('latin1');
  t.teardown(() => socket.destroy());
  let answer = '';
  let error: Error | undefined;
  socket.on('data', (text) => (answer += text)).on('error', (met) => (error = met));
  const closed = once(socket, 'close').catch(() => {});
  socket.write(request(door.path));
  await waitFor(() => statuses(answer).length === 1);
  return { socket, closed, answer: () => answer, error: () => error };
}

/** Holds the log's head, so that no commit ends, until the function it answers is called. */
async function holdHead(door: TestIngest): Promise<() => Promise<void>> {
  const blocker = await door.pool.connect();
  await blocker.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  return async () => {
    await blocker.query('COMMIT');
    blocker.release();
  };
}

/** Longer than what a test does at a door that stops. */
const times = { drainMs: 2000 };

t.test('a request that meets a stop on a kept connection is answered, as its last', async (t) => {
  const door = await buildIngest(t, { times });
  const kept = await connectKept(t, door);
  t.notMatch(kept.answer(), /connection: close/i);
  kept.socket.write(request(door.path));
  await door.service.stop();
  await kept.closed;
  t.equal(kept.error(), undefined, 'no reset');
  t.same(statuses(kept.answer()), [202, 202]);
  t.match(kept.answer().split('HTTP/1.1').at(-1), /connection: close/i);
  t.equal((await door.bodies()).length, 2);
});

t.test('while it stops a door is not ready, listens, and ends connections with their answers', async (t) => {
  const door = await buildIngest(t, { times });
  const release = await holdHead(door);
  const waiting = door.post(EVENT);
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 0);
  const stopped = door.service.stop();

  const ready = await askReady(door);
  t.same(statuses(ready), [503]);
  t.match(ready, /connection: close[\s\S]*it stops/i);
  const late = exchange(door.port, request(door.path));
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 2 * 2048);
  await release();
  const { status, headers } = await waiting;
  t.equal(status, 202);
  t.equal(headers.get('connection'), 'close', 'what was in flight at the stop');
  t.same(statuses(await late), [202], 'who connects during the stop');
  await stopped;
  t.equal((await door.bodies()).length, 2);
});

t.test('a door on which nobody is connected listens on as well', async (t) => {
  const door = await buildIngest(t, { times });
  const stopped = door.service.stop();
  t.same(statuses(await askReady(door)), [503]);
  t.same(statuses(await exchange(door.port, request(door.path))), [202]);
  await stopped;
  t.same(statuses(await askReady(door)), [], 'and then no more');
});

t.test('senders that stall and commits that hang do not keep a door from ending', async (t) => {
  const door = await buildIngest(t);
  const release = await holdHead(door);
  const stalled = exchange(door.port, request(door.path).slice(0, -1));
  const waiting = exchange(door.port, request(door.path));
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 2 * 2048);
  const stopped = door.service.stop();
  t.same((await Promise.all([stalled, waiting])).flatMap(statuses), []);
  await release();
  await stopped;
});

t.test('of a name with several addresses a door listens on one, whose connections it ends', async (t) => {
  const door = await buildIngest(t, { configuration: { HOST: 'localhost', INGEST_PORT: 0 } });
  t.equal(door.logged().match(/Server listening at/g)?.length, 1);
});
