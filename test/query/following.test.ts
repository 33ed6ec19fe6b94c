// Waiting for a position, and the live stream.
import { once } from 'node:events';
import { get as httpGet } from 'node:http';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { resegment } from '../../src/projector/resegment.js';
import { addKey } from '../../src/query/api-key.js';
import { findBuild } from '../../src/read-models/build.js';
import { segmentOfIntegration } from '../../src/read-models/segment.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { I, installed, updated, V, W } from '../support/query-webhooks.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

t.test('min_position waits for the read model, for as long as it is told', async (t) => {
  const { get, database } = await buildQuery(t);
  await fillLog(database.pool, [updated('a', 1)]);
  await fillReadModels({ log: database.pool });
  const late = await get('/v1/resources?min_position=2&wait_ms=30');
  t.equal(late.status, 504);
  t.match(late.json.detail, /waited 30 ms for position 2, resource_v1 is at 1/);
  t.equal(late.position, 1);
  const waiting = [1, 2, 3].map(() => get('/v1/resources?min_position=2&wait_ms=30000'));
  const head = get('/v1/events?min_position=2&wait_ms=30000&limit=1');
  await fillLog(database.pool, [updated('b', 2)]);
  t.equal((await head).json.items[0].position, 2);
  await fillReadModels({ log: database.pool });
  for (const { status, json, position } of await Promise.all(waiting)) {
    t.same([status, json.items.length], [200, 2]);
    t.equal(position, 2);
  }
});

t.test(
  'an answer within an integration has the position of its segment, and waits for no other',
  async (t) => {
    const { get, database } = await buildQuery(t);
    const { pool } = database;
    const J = ['b', 'c', 'd', 'e']
      .map((a) => I.replaceAll('a', a))
      .find((id) => segmentOf(id) !== segmentOf(I))!;
    const ofJ = { ...updated('a', 1), payload: { ...updated('a', 1).payload, id: J } };
    await fillLog(pool, [installed(I, 's'), updated('a', 1), installed(J, 's'), ofJ]);
    const head = await fillReadModels({ log: pool });
    for (const projection of PROJECTIONS) {
      const build = (await findBuild(pool, projection, 'live'))!;
      if (projection.within === 'integration')
        await resegment({ logPool: pool, readPool: pool }, projection, build, 2);
    }
    // As if nobody had gone on with that segment.
    await pool.query(
      `UPDATE projector.checkpoint c SET position = 2 FROM projector.build b
     WHERE b.build_id = c.build_id AND b.segments = 2 AND c.segment = $1`,
      [segmentOf(I)],
    );
    const paths = (id: string) => [
      `/v1/integrations/${id}?`,
      `/v1/integrations/${id}/health?`,
      `/v1/resources/${id}/crm%20contact%2F%C3%BC/a?`,
      `/v1/resources?integration_id=${id.toUpperCase()}&`,
    ];
    for (const path of paths(J))
      t.match(await get(`${path}min_position=${head}`), { status: 200, position: head }, path);
    for (const path of paths(I)) {
      t.match(await get(path), { status: 200, position: 2 }, path);
      t.match(await get(`${path}min_position=${head}&wait_ms=30`), { status: 504, position: 2 }, path);
    }
    t.match(await get('/v1/resources'), { json: { items: { length: 2 } }, position: 2 });
    t.match(await get('/v1/integrations'), { json: { items: { length: 2 } }, position: 2 });
  },
);

const segmentOf = (integrationId: string) => segmentOfIntegration(integrationId, 2);

t.test('the live stream', async (t) => {
  const { app, database, addKey, get } = await buildQuery(t);
  await fillLog(database.pool, [updated('a', 1), updated('b', '2\u2028'), installed(I, 's', V)]);
  const origin = await app.listen({ port: 0 });
  const ours = await addKey('ours', [W]);

  async function open(path: string, key: string, lastEventId?: string) {
    const stop = new AbortController();
    t.teardown(() => stop.abort());
    const headers = {
      authorization: `Bearer ${key}`,
      ...(lastEventId ? { 'last-event-id': lastEventId } : {}),
    };
    const response = await fetch(`${origin}${path}`, { headers, signal: stop.signal });
    let text = '';
    let ended = false;
    const read = async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    };
    if (response.ok)
      void read().then(
        () => (ended = true),
        () => (ended = true),
      );
    const events = () =>
      [...text.matchAll(/^id: (\d+)\n((?:data: [^\n]*\n)+)/gm)].map(([, id, data]) => ({
        id: Number(id),
        event: JSON.parse(data!.replaceAll(/^data: /gm, '')),
      }));
    return { response, events, ended: () => ended, stop };
  }

  const stream = await open('/v1/events/live?after=0', ours);
  t.equal(stream.response.headers.get('content-type'), 'text/event-stream');
  await waitFor(() => stream.events().length === 2);
  await fillLog(database.pool, [
    installed(I, 't', V),
    `{"workspace_id":"${W}",\n"event":"x","payload":{\r\n}}`,
  ]);
  await waitFor(() => stream.events().length === 3);
  t.same(
    stream.events().map(({ id }) => id),
    [1, 2, 5],
    'only what its key may see',
  );
  t.same(stream.events()[2]!.event.body.event, 'x');

  const resumed = await open('/v1/events/live', ours, '2');
  await waitFor(() => resumed.events().length === 1);
  t.same(
    resumed.events().map(({ id }) => id),
    [5],
    'it goes on behind Last-Event-ID',
  );
  t.equal((await open('/v1/events/live', ours, '6')).response.status, 400);
  t.equal((await get('/v1/events/live', 'wrong')).status, 401);

  await database.pool.query("UPDATE api_key SET revoked_at = now() WHERE name = 'ours'");
  const key2 = await addKey('second', [W]);
  const second = await open('/v1/events/live', key2);
  await waitFor(async () => {
    await fillLog(database.pool, [updated('c', 1)]);
    return stream.ended() && resumed.ended();
  });
  await waitFor(() => second.events().length > 0);
  await app.close();
  await waitFor(second.ended);
});

t.test(
  'a process stops in time beside streams that are idle, those whose clients take nothing, and who waits for a position',
  async (t) => {
    const { url, pool } = await createTestDatabase(t);
    const large = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 20; n++) await fillLog(pool, [updated('a', large)]);
    const { key } = await addKey(pool, { name: 'admin', admin: true });
    const query = runProgram(t, ['query'], { DATABASE_URL: url, QUERY_PORT: '0', LOG_LEVEL: 'info' });
    const [origin] = await query.waitForLine(/http:\/\/127\.0\.0\.1:\d+/);
    // Of each response no more than its beginning is read.
    const open = async (path: string) => {
      const request = httpGet(`${origin}${path}`, { headers: { authorization: `Bearer ${key}` } });
      t.teardown(() => request.destroy());
      const [response] = await once(
        request.on('error', () => {}),
        'response',
      );
      t.equal(response.statusCode, 200);
    };
    const waiting = fetch(`${origin}/v1/events?min_position=21&wait_ms=30000`, {
      headers: { authorization: `Bearer ${key}` },
    });
    await open('/v1/events/live?after=0');
    await open('/v1/events/live');
    query.kill('SIGTERM');
    const { code, stdout } = await query.exit;
    t.equal(code, 0, stdout);
    t.equal((await waiting).status, 503);
  },
);
