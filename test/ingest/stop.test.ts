import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { waitFor } from '../support/wait-for.js';
import { buildIngest, EVENT, exchange, statuses, type TestIngest } from './build-ingest.js';

const request = (path: string, body = EVENT) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

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

/** Far longer than a test may take: a stop that ends did not wait for it. */
const times = { drainMs: 3_600_000 };

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
  const idle = await connectKept(t, door);
  const blocker = await door.pool.connect();
  await blocker.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  const waiting = door.post(EVENT);
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 0);
  const stopped = door.service.stop();

  const ready = await exchange(door.port, 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
  t.same(statuses(ready), [503]);
  t.match(ready, /connection: close[\s\S]*it stops/i);
  const late = exchange(door.port, request(door.path));
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) > 2 * 2048);
  await blocker.query('COMMIT');
  blocker.release();
  const { status, headers } = await waiting;
  t.equal(status, 202);
  t.equal(headers.get('connection'), 'close', 'what was in flight at the stop');
  t.same(statuses(await late), [202], 'who connects during the stop');
  idle.socket.end();
  await stopped;
  t.equal((await door.bodies()).length, 3);
});
