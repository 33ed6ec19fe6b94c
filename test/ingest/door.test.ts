import { gzipSync } from 'node:zlib';
import t from 'tap';
import { releaseRejected } from '../../src/ingest/release.js';
import { listRejected, readRejected } from '../../src/log/rejected.js';
import { waitFor } from '../support/wait-for.js';
import { buildIngest, EVENT, exchange, head, statuses } from './build-ingest.js';

const WORKSPACE = '9cabf461-f12c-4495-ab3f-38f3d0e6c503';

t.test(
  'a webhook is answered 202 with its position after the commit, and its text is kept exactly',
  async (t) => {
    const door = await buildIngest(t);
    const bodies = [
      ' {"event": "a\\u0000\\ud800", "payload": {"n": 1e400, "n": -0.10, "__proto__": {"x": 1}}}\r\n',
      '{"payload":{},"event":"integration_installed","constructor":null,"event":"é\u2028🎉"}',
      `{"event":"deep","payload":{"a":${'['.repeat(98)}${']'.repeat(98)}}}`,
    ];
    for (const [index, body] of bodies.entries()) {
      const response = await door.post(body);
      t.equal(response.status, 202);
      t.match(await response.json(), { position: index + 1, event_id: /^[0-9a-f-]{36}$/, duplicate: false });
    }
    t.same(await door.bodies(), bodies);
  },
);

t.test('any Content-Type or none, and a trailing slash, are taken as they are', async (t) => {
  const door = await buildIngest(t);
  const types = [
    'application/json',
    'application/json; charset=utf-16',
    'text/plain',
    'no/such;;=',
    ';',
    'x',
    '',
  ];
  for (const type of [...types, 'application/x-www-form-urlencoded', 'application/cloudevents+json'])
    t.equal((await door.post(EVENT, { headers: { 'content-type': type } })).status, 202, type);
  t.equal((await door.post(Buffer.from(EVENT))).status, 202, 'none');
  t.equal((await door.post(EVENT, { path: `${door.path}/` })).status, 202, 'trailing slash');
  const get = await fetch(door.origin + door.path, { redirect: 'manual' });
  t.equal(get.status, 405);
  t.equal(get.headers.get('allow'), 'POST');
  t.match(get.headers.get('content-type'), /^application\/problem\+json/);
});

t.test('only a delivery id makes a repeat, which is answered with the first event', async (t) => {
  const door = await buildIngest(t);
  const ids = [
    ['webhook-id', 'one'],
    ['idempotency-key', 'two'],
    ['webhook-id', 'x'.repeat(5000)],
  ] as const;
  for (const [name, id] of ids) {
    const headers = { [name]: id };
    const first = (await (await door.post(EVENT, { headers })).json()) as object;
    const again = await door.post(EVENT, { headers });
    t.equal(again.status, 200);
    t.same(await again.json(), { ...first, duplicate: true });
  }
  t.equal((await door.post(EVENT)).status, 202);
  t.equal((await door.post(EVENT)).status, 202, 'the same bytes are another event');
  t.equal((await door.bodies()).length, 5);
  t.equal(await door.metric('hookfold_ingest_duplicates_total'), 3);
});

t.test('what is no event is told why, and kept with its bytes', async (t) => {
  const door = await buildIngest(t);
  const bad: [reason: string, status: number, body: string | Buffer, type?: string][] = [
    ['empty', 400, ''],
    ['not_utf8', 400, Buffer.from('7b22ff227d', 'hex')],
    [
      'not_utf8',
      400,
      Buffer.concat([
        Buffer.from('{"event":"'),
        Buffer.from('eda080', 'hex'),
        Buffer.from('","payload":{}}'),
      ]),
    ],
    ['byte_order_mark', 400, `\ufeff${EVENT}`],
    ['not_json', 400, '{"event":"x","payload":{"n":NaN}}'],
    ['not_json', 400, `${EVENT} x`],
    ['too_deep', 400, `{"event":"x","payload":{"a":${'['.repeat(99)}${']'.repeat(99)}}}`],
    ['too_deep', 400, '['.repeat(100_000)],
    ['no_envelope', 422, '[]'],
    ['no_envelope', 422, 'null'],
    ['no_envelope', 422, '{"event":1,"payload":{}}'],
    ['no_envelope', 422, '{"event":"x","payload":[]}'],
    ['no_envelope', 422, '{"__proto__":{"event":"x","payload":{}}}'],
    ['form_encoded', 415, 'event=x&payload=id', 'application/x-www-form-urlencoded'],
    ['form_encoded', 415, '--b\r\n\r\n--b--', 'multipart/form-data; boundary=b'],
  ];
  for (const [reason, status, body, type] of bad) {
    const response = await door.post(body, { headers: type ? { 'content-type': type } : {} });
    t.equal(response.status, status, reason);
    t.equal(response.headers.get('content-type'), 'application/problem+json');
    t.match(await response.json(), { status, code: reason.replaceAll('_', '-'), detail: String });
  }
  const kept = await listRejected(door.pool);
  t.same(
    kept.map(({ reason }) => reason).reverse(),
    bad.map(([reason]) => reason),
  );
  for (const [index, { id }] of [...kept].reverse().entries())
    t.same((await readRejected(door.pool, id))?.body, Buffer.from(bad[index]![2]));
  t.same(await door.bodies(), []);
});

t.test(
  'a body that came encoded is told so, and kept with its encoding; what is JSON is taken',
  async (t) => {
    const door = await buildIngest(t);
    const gzipped = gzipSync(EVENT);
    const cases: [status: number, code: string | undefined, body: string | Buffer, encoding: string][] = [
      [415, 'encoded', gzipped, 'gzip'],
      [400, 'not-json', '{"event":"x","payload":{"n":NaN}}', 'utf-8'],
      [400, 'not-json', Buffer.from(EVENT).toString('base64'), 'base64'],
      [400, 'not-utf8', gzipped, 'Identity'],
      [400, 'empty', '', 'gzip'],
      [422, 'no-envelope', '[]', 'gzip'],
      [202, undefined, EVENT, 'gzip'],
    ];
    for (const [status, code, body, encoding] of cases) {
      const response = await door.post(body, { headers: { 'content-encoding': encoding } });
      t.equal(response.status, status, `${code} ${encoding}`);
      t.equal(((await response.json()) as { code?: string }).code, code);
    }
    t.equal((await door.post(gzipped)).status, 400, 'without a Content-Encoding nothing tells');
    const oldest = (await listRejected(door.pool)).at(-1)!;
    t.match(oldest, { reason: 'encoded', headers: { 'content-encoding': 'gzip' } });
    t.same((await readRejected(door.pool, oldest.id))?.body, gzipped);
    t.match(await releaseRejected(door.pool, oldest.id), { outcome: 'rejected', reason: 'encoded' });
  },
);

t.test(
  'of a body that is too large a first part and its length are kept, sent whole or in chunks',
  async (t) => {
    const limits = { bodyBytes: 100_000, prefixBytes: 1000, countedBytes: 1_000_000 };
    const door = await buildIngest(t, { limits });
    const pad = (bytes: number) => `{"event":"x","payload":{"a":"${'a'.repeat(bytes - 32)}"}}`;
    t.equal((await door.post(pad(100_000))).status, 202, 'as large as may be');
    t.equal((await door.post(pad(100_001))).status, 413);
    const chunks = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 300; sent++) controller.enqueue(Buffer.alloc(1000, 'b'));
        controller.close();
      },
    });
    const init = { method: 'POST', body: chunks, duplex: 'half' } as RequestInit;
    t.equal((await fetch(door.origin + door.path, init)).status, 413);
    const kept = await listRejected(door.pool);
    t.match(kept, [
      { reason: 'too_large', body_length: 300_000, kept_length: 1000 },
      { reason: 'too_large', body_length: 100_001, kept_length: 1000 },
    ]);
    t.equal(await door.metric('hookfold_ingest_in_flight_bytes'), 0);
  },
);

t.test(
  'a body that is announced as larger than any number that can be kept is kept all the same',
  async (t) => {
    const limits = { bodyBytes: 1000, prefixBytes: 100, countedBytes: 2000 };
    const door = await buildIngest(t, { limits });
    const sent = `${head(door, `Content-Length: ${2n ** 64n - 1n}`)}${'a'.repeat(3000)}`;
    t.same(statuses(await exchange(door.port, sent)), [413]);
    t.match(await listRejected(door.pool), [{ reason: 'too_large', body_length: Number.MAX_SAFE_INTEGER }]);
  },
);

t.test('a body that ends before it is told to be too large is counted once', async (t) => {
  const limits = { bodyBytes: 1000, prefixBytes: 100, countedBytes: 2000 };
  const door = await buildIngest(t, { limits });
  const blocker = await door.pool.connect();
  await blocker.query('BEGIN; LOCK TABLE rejected_webhook');
  const length = 100_000;
  const answer = exchange(door.port, `${head(door, `Content-Length: ${length}`)}${'a'.repeat(length)}`);
  await waitFor(async () => {
    const { rows } = await door.pool.query(
      `SELECT FROM pg_locks WHERE NOT granted AND relation = 'rejected_webhook'::regclass`,
    );
    return rows.length === 1;
  });
  t.equal(await door.metric('hookfold_ingest_in_flight_bytes'), limits.prefixBytes);
  await blocker.query('COMMIT');
  blocker.release();
  t.same(statuses(await answer), [413]);
  await waitFor(async () => (await door.metric('hookfold_ingest_in_flight_bytes')) === 0);
});

t.test(
  'an event of another workspace is rejected, and released once after the source was bound to it',
  async (t) => {
    const door = await buildIngest(t, {
      source: { workspaces: [WORKSPACE.replaceAll('-', '').toUpperCase()] },
    });
    const of = (workspace: unknown) => JSON.stringify({ workspace_id: workspace, event: 'x', payload: {} });
    t.equal((await door.post(of(WORKSPACE))).status, 202);
    for (const other of ['11111111-1111-4111-8111-111111111111', null, 5, undefined])
      t.equal((await door.post(of(other), { headers: { 'webhook-id': `id-${other}` } })).status, 403);
    t.equal((await door.bodies()).length, 1);

    const [oldest] = (await listRejected(door.pool)).reverse();
    t.match(await releaseRejected(door.pool, oldest!.id), { outcome: 'rejected', reason: 'wrong_workspace' });
    await door.pool.query('UPDATE source SET workspaces = NULL');
    const both = await Promise.all([
      releaseRejected(door.pool, oldest!.id),
      releaseRejected(door.pool, oldest!.id),
    ]);
    t.same(both.map(({ outcome }) => outcome).sort(), ['released', 'released_before']);
    t.match(both, [{ position: 2 }, { position: 2 }]);
    t.equal((await door.bodies()).length, 2);
    t.equal((await listRejected(door.pool)).length, 3);
    const headers = { 'webhook-id': 'id-11111111-1111-4111-8111-111111111111' };
    const again = await waitFor(async () => {
      const response = await door.post(of('anything'), { headers });
      return response.status === 200 ? response.json() : undefined;
    });
    t.match(again, { position: 2, duplicate: true }, 'a repeat of what was released is one');
  },
);

t.test('what one commit cannot hold is rejected alone', async (t) => {
  const door = await buildIngest(t);
  await door.pool.query(`ALTER TABLE event_log ADD CONSTRAINT no_poison CHECK (event <> 'poison')`);
  const names = ['a', 'b', 'poison', 'c', 'd'];
  const answers = await Promise.all(names.map((event) => door.post(JSON.stringify({ event, payload: {} }))));
  t.same(
    answers.map(({ status }) => status),
    [202, 202, 422, 202, 202],
  );
  t.match(await listRejected(door.pool), [{ reason: 'refused_by_database' }]);
});
