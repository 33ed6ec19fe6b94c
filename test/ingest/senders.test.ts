import { pino } from 'pino';
import t, { type Test } from 'tap';
import { createIngestService } from '../../src/ingest/service.js';
import { addSource, revokeSource, rotateSource } from '../../src/log/source-change.js';
import { waitFor } from '../support/wait-for.js';
import { buildIngest, EVENT, exchange, firstPost, statuses, type TestIngest } from './build-ingest.js';

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
const answerOf = async (response: Response) => {
  const { date: _, ...headers } = Object.fromEntries(response.headers);
  return { status: response.status, headers, text: await response.text() };
};

t.test('a token is taken from the path, as Bearer, or as Basic password', async (t) => {
  const door = await buildIngest(t);
  const path = '/webhooks/munity';
  const good = [
    `Bearer ${door.token}`,
    `bearer  ${door.token}`,
    basic(`any:${door.token}`),
    basic(`:${door.token}`),
  ];
  for (const authorization of good)
    t.equal(
      (await door.post(EVENT, { path, headers: { authorization } })).status,
      202,
      authorization.slice(0, 8),
    );
  await door.pool.query(`UPDATE source_secret SET hash = sha256('pass:with:colons of 16+')`);
  const colons = { authorization: basic('user:pass:with:colons of 16+') };
  t.equal(await firstPost(door, path, colons), 202);
});

t.test(
  'whatever is wrong with a credential, the answer is one and the same 401, and nothing is kept',
  async (t) => {
    const door = await buildIngest(t);
    const wrong = await answerOf(await door.post(EVENT, { path: '/webhooks/munity/wrong' }));
    t.equal(wrong.status, 401);
    const paths = [
      '/webhooks/munity',
      '/webhooks/nobody/x',
      `/webhooks/nobody/${door.token}`,
      '/webhooks/__proto__/x',
    ];
    paths.push(
      '/webhooks/munity/%zz',
      '/webhooks/%ff/%00',
      `/webhooks/munity/${'x'.repeat(9000)}`,
      '/webhooks/munity/%F0%9F',
    );
    for (const path of paths)
      t.same(await answerOf(await door.post(EVENT, { path })), wrong, path.slice(0, 40));
    const values = [
      'Bearer',
      'Bearer ',
      'Basic',
      'Basic !!!',
      'Basic Zm9v',
      'Digest x',
      'Bearer a b',
      '\u00e9',
      ':',
      'x'.repeat(9000),
    ];
    for (const authorization of [...values, basic(door.token), basic(`${door.token}:x`)])
      t.same(
        await answerOf(await door.post(EVENT, { path: '/webhooks/munity', headers: { authorization } })),
        wrong,
        authorization.slice(0, 20),
      );
    const count = paths.length + values.length + 3;
    t.equal(await door.metric('hookfold_ingest_unauthenticated_total'), count);
    t.same((await door.pool.query('SELECT FROM rejected_webhook')).rowCount, 0);
    t.equal(await door.metric('hookfold_ingest_in_flight_bytes'), 0);
  },
);

t.test('a header secret and addresses are asked for; an unverified source is loud', async (t) => {
  const door = await buildIngest(t);
  await addSource(door.pool, 'header', { rules: { header: 'x-secret' }, secret: 'sixteen letters or more' });
  t.equal(await firstPost(door, '/webhooks/header', { 'x-secret': 'sixteen letters or more' }), 202);
  t.equal(
    (await door.post(EVENT, { path: '/webhooks/header', headers: { 'x-secret': 'other' } })).status,
    401,
  );

  const { token } = await addSource(door.pool, 'proxied', {
    cidrs: ['203.0.113.0/24', '2001:db8::/32'],
    proxyDepth: 2,
  });
  const path = `/webhooks/proxied/${token}`;
  t.equal(await firstPost(door, path, { 'x-forwarded-for': '203.0.113.9, 10.0.0.1' }), 202);
  const forwarded = ['2001:db8::1, x', '6.6.6.6, 203.0.113.9, 10.0.0.1', '::ffff:203.0.113.9, x'];
  for (const value of forwarded)
    t.equal((await door.post(EVENT, { path, headers: { 'x-forwarded-for': value } })).status, 202, value);
  const foreign = [
    '203.0.113.9',
    '203.0.113.9, 6.6.6.6, 10.0.0.1',
    '6.6.6.6, x',
    ', ,',
    '%',
    '203.0.113.0/24, x',
    '',
  ];
  for (const value of foreign)
    t.equal((await door.post(EVENT, { path, headers: { 'x-forwarded-for': value } })).status, 401, value);
  await addSource(door.pool, 'local', { rules: { unverified: true }, cidrs: ['127.0.0.1'] });
  t.equal(await firstPost(door, '/webhooks/local', {}), 202);
  t.match(door.logged(), /UNVERIFIED/);
  t.equal(await door.metric('hookfold_ingest_unverified_source{source="local"}'), 1);
});

t.test(
  'rotated tokens overlap for the time given, and a revoked source is turned away within 5 s',
  async (t) => {
    const door = await buildIngest(t);
    const other = await buildIngestBeside(t, door);
    const { token } = await rotateSource(door.pool, 'munity', { overlapSeconds: 3600 });
    t.equal(await firstPost(door, `/webhooks/munity/${token}`, {}), 202);
    t.equal((await door.post(EVENT)).status, 202, 'the old one holds');
    await rotateSource(door.pool, 'munity', { overlapSeconds: 0 });
    await waitFor(async () => (await door.post(EVENT)).status === 401, { timeoutMs: 5000 });
    const { rows } = await waitFor(async () => {
      const found = await door.pool.query('SELECT FROM source_secret WHERE last_used_at IS NOT NULL');
      return found.rows.length === 2 ? found : undefined;
    });
    t.equal(rows.length, 2, 'their use was noted');
    const { token: last } = await rotateSource(door.pool, 'munity', { overlapSeconds: 3600 });
    const path = `/webhooks/munity/${last}`;
    t.equal(await firstPost(door, path, {}), 202);
    const elsewhere = () => fetch(other.url() + path, { method: 'POST', body: EVENT });
    await waitFor(async () => (await elsewhere()).status === 202);
    await revokeSource(door.pool, 'munity');
    for (const post of [() => door.post(EVENT, { path }), elsewhere])
      await waitFor(async () => (await post()).status === 401, { timeoutMs: 5000 });
  },
);

t.test('a source whose row cannot be read is refused and named, and the others are taken', async (t) => {
  const door = await buildIngest(t);
  const { token } = await addSource(door.pool, 'other');
  const path = `/webhooks/other/${token}`;
  t.equal(await firstPost(door, path, {}), 202);
  await door.pool.query(`UPDATE source SET cidrs = '{10.0.0.0/33}' WHERE name = 'other'`);
  const refused = await waitFor(async () => {
    const response = await door.post(EVENT, { path });
    return response.status === 503 ? response.json() : undefined;
  });
  t.match(refused, { code: 'stale' });
  t.match(door.logged(), /"source":"other".*this source cannot be read/);
  t.equal((await door.post(EVENT)).status, 202);
  const { token: later } = await addSource(door.pool, 'later');
  t.equal(await firstPost(door, `/webhooks/later/${later}`, {}), 202, 'and what changes is known');
});

t.test('no secret is in a log line, a metric, a problem or what is kept', async (t) => {
  const door = await buildIngest(t);
  const mark = `MARKED${'s'.repeat(20)}`;
  const headers = {
    authorization: `Bearer ${mark}`,
    cookie: mark,
    'x-hub-signature-256': mark,
    'x-api-key': mark,
  };
  let seen = '';
  for (const path of [
    door.path,
    `/webhooks/munity/${mark}`,
    `/webhooks/${mark}`,
    `/${mark}`,
    `/webhooks/a/${mark}%zz`,
  ])
    for (const method of ['POST', 'GET', 'PUT']) {
      const body = method === 'GET' ? null : 'no json';
      const response = await fetch(`${door.origin}${path}?token=${mark}`, { method, headers, body });
      seen += JSON.stringify([...response.headers]) + (await response.text());
    }
  seen += await exchange(
    door.port,
    `POST ${door.path} HTTP/1.1\r\nAuthorization: ${mark}\r\nbad header ${mark}\r\n\r\n`,
  );
  t.same(statuses(seen), [400]);
  seen += await (await fetch(`${door.origin}/metrics`)).text();
  seen += JSON.stringify((await door.pool.query('SELECT * FROM rejected_webhook')).rows);
  seen += JSON.stringify((await door.pool.query('SELECT name, rules FROM source')).rows) + door.logged();
  t.notMatch(seen, new RegExp(mark));
  t.notMatch(seen, new RegExp(door.token));
});

async function buildIngestBeside(t: Pick<Test, 'teardown'>, door: TestIngest) {
  const service = createIngestService({
    configuration: { HOST: '127.0.0.1', INGEST_PORT: 0 },
    databaseUrl: door.databaseUrl,
    logger: pino({ level: 'silent' }),
  });
  await service.start();
  t.teardown(() => service.stop());
  return service;
}
