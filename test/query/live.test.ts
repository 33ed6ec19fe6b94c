// The live stream's edges: who leaves early, who reads slowly, who sees nothing for long, and who comes while it stops.
import { getEventListeners, once } from 'node:events';
import { createServer, get as httpGet, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { openEventStream } from '../../src/query/event-stream.js';
import { createPositionWatch } from '../../src/query/positions.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { updated, V, W } from '../support/query-webhooks.js';
import { waitFor } from '../support/wait-for.js';

async function serve(t: Test) {
  const server = createServer();
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const request = httpGet({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  request.on('error', () => {});
  t.teardown(() => request.destroy());
  const [, raw] = (await once(server, 'request')) as [unknown, ServerResponse];
  return { raw, request };
}

t.test('a client that has left before its stream begins ends it', async (t) => {
  const { raw, request } = await serve(t);
  request.destroy();
  await once(raw, 'close');
  const ended = new AbortController();
  openEventStream(raw, ended, 0);
  t.ok(ended.signal.aborted);
});

t.test('a client that reads slowly leaves nothing behind for what it was waited for', async (t) => {
  const { raw, request } = await serve(t);
  const ended = new AbortController();
  const stream = openEventStream(raw, ended, 0);
  const [response] = await once(request, 'response');
  response.resume();
  let blocked = 0;
  for (let id = 1; blocked < 50; id++) {
    const sent = stream.send(id, 'x'.repeat(100_000));
    if (raw.writableNeedDrain) blocked += 1;
    await sent;
  }
  t.equal(getEventListeners(ended.signal, 'abort').length, 0);
  t.equal(raw.listenerCount('drain'), raw.listeners('drain').length);
  t.equal(raw.socket!.timeout, 0);
  request.destroy();
  await waitFor(() => ended.signal.aborted);
});

t.test('a stream that sees nothing of a busy log says how far the log is', async (t) => {
  const { app, database, addKey } = await buildQuery(t, undefined, { beatMs: 50, windowEvents: 3 });
  await fillLog(database.pool, [updated('a', 1)]);
  const origin = await app.listen({ port: 0 });
  const authorization = `Bearer ${await addKey('ours', [W])}`;
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const read = async (path: string) => {
    const response = await fetch(origin + path, { headers: { authorization }, signal: stop.signal });
    const stream = { text: '' };
    void (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) stream.text += chunk;
    })().catch(() => {});
    return stream;
  };
  const quiet = await read('/v1/events/live');
  const rare = await read('/v1/events/live?after=0&event=rare');
  let appended = 1;
  const lastId = ({ text }: { text: string }) => Number([...text.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1]);
  await waitFor(async () => {
    await fillLog(database.pool, [{ ...updated('b', 1), workspace_id: V }]);
    appended += 1;
    return appended > 8 && lastId(quiet) > 4 && lastId(rare) > 4;
  });
  t.notMatch(quiet.text + rare.text, 'data:');
  await fillLog(database.pool, [{ workspace_id: W, event: 'rare', payload: {} }]);
  await waitFor(() => rare.text.includes(`id: ${appended + 1}\ndata:`));
});

t.test('there is no HEAD of a stream, and none from a position that is not there yet', async (t) => {
  const { app, database, get, addKey } = await buildQuery(t);
  await fillLog(database.pool, [updated('a', 1)]);
  const headers = { authorization: `Bearer ${await addKey('ours', [W])}` };
  t.not((await app.inject({ method: 'HEAD', url: '/v1/events/live', headers })).statusCode, 200);
  const beyond = await get('/v1/events/live?after=9');
  t.same([beyond.status, beyond.json.detail], [400, "after: expected a position up to the log's head, 1"]);
});

t.test('who waits for a position is told when the watch ends', async (t) => {
  let asked = 0;
  const watch = createPositionWatch(async () => {
    asked += 1;
    return new Map([['log', [1]]]);
  });
  const wait = { models: ['log'], position: 2, timeoutMs: 30_000 };
  const waiting = watch.waitFor(wait);
  await waitFor(() => asked > 1);
  watch.end();
  await t.rejects(waiting, { status: 503, code: 'stopping' });
  await t.rejects(watch.waitFor(wait), { status: 503, code: 'stopping' });
});

t.test('a key that takes all its places leaves those of others', async (t) => {
  const { app, addKey } = await buildQuery(t);
  const origin = await app.listen({ port: 0 });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const open = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`${origin}/v1/events/live`, { headers, signal: stop.signal })).status;
  };
  const [greedy, other] = [await addKey('greedy', [W]), await addKey('other', [W])];
  const statuses = await Promise.all(Array.from({ length: 51 }, () => open(greedy)));
  t.same(statuses.toSorted(), [...Array(50).fill(200), 503]);
  t.equal(await open(other), 200);
});
