import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { addSource, GITHUB_HMAC, rotateSource } from '../../src/log/source-change.js';
import { createTestDatabase } from '../support/test-database.js';
import { buildIngest, EVENT, firstPost } from './build-ingest.js';

t.test("an HMAC of the raw body is asked for in the sender's own form", async (t) => {
  const door = await buildIngest(t);
  const body = Buffer.from('{"event": "x", "payload": {"a": "\u00e9"}}');
  const forms = [
    { name: 'github', hmac: GITHUB_HMAC, secret: "It's a Secret to Everybody" },
    {
      name: 'shop',
      hmac: { header: 'x-shop-hmac', encoding: 'base64', prefix: '' },
      secret: 'a shop of secrets',
    },
  ] as const;
  for (const { name, hmac, secret } of forms) {
    const { token } = await addSource(door.pool, name, { rules: { hmac }, secret });
    t.equal(token, null, 'and no token');
    const hash = (key: string, bytes: Buffer) =>
      createHmac('sha256', key).update(bytes).digest(hmac.encoding);
    const path = `/webhooks/${name}`;
    await firstPost(door, path, { [hmac.header]: hmac.prefix + hash(secret, Buffer.from(EVENT)) });
    const good = hmac.prefix + hash(secret, body);
    t.equal((await door.post(body, { path, headers: { [hmac.header]: good } })).status, 202);
    const bad = [
      '',
      'x',
      hmac.prefix,
      `sha1=${good}`,
      hmac.prefix + hash('other', body),
      `${good}00`,
      good.slice(0, -2),
    ];
    for (const value of bad)
      t.equal((await door.post(body, { path, headers: { [hmac.header]: value } })).status, 401, value);
    t.equal((await door.post(body, { path })).status, 401);
    t.equal(
      (await door.post(`${body} `, { path, headers: { [hmac.header]: good } })).status,
      401,
      'other bytes',
    );
    const notUtf8 = Buffer.from('7bff7d', 'hex');
    const signed = { [hmac.header]: hmac.prefix + hash(secret, notUtf8) };
    t.equal(
      (await door.post(notUtf8, { path, headers: signed })).status,
      400,
      'checked on the bytes, then refused',
    );
  }
  // The example of GitHub's documentation.
  const documented = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const headers = { 'x-hub-signature-256': documented };
  t.equal((await door.post('Hello, World!', { path: '/webhooks/github', headers })).status, 400);
});

t.test('what is not signed does not count against the rate of its source', async (t) => {
  const door = await buildIngest(t);
  const secret = "It's a Secret to Everybody";
  await addSource(door.pool, 'shop', { rules: { hmac: GITHUB_HMAC }, secret, maxRate: 3 });
  const hash = createHmac('sha256', secret).update(EVENT).digest('hex');
  const signed = { path: '/webhooks/shop', headers: { 'x-hub-signature-256': `sha256=${hash}` } };
  t.equal(await firstPost(door, signed.path, signed.headers), 202);
  const foreign = await Promise.all(
    Array.from({ length: 20 }, () => door.post(EVENT, { path: signed.path })),
  );
  t.ok(foreign.every(({ status }) => status === 401));
  t.equal((await door.post(EVENT, signed)).status, 202);
  const own = await Promise.all(Array.from({ length: 20 }, () => door.post(EVENT, signed)));
  t.ok(
    own.some(({ status }) => status === 503),
    'its own does',
  );
});

t.test(
  'Standard Webhooks signatures hold for five minutes, by v1 and v1a, several secrets at once',
  async (t) => {
    const door = await buildIngest(t);
    const path = '/webhooks/standard';
    const rules = { standard_webhooks: true } as const;
    const { secret: first } = await addSource(door.pool, 'standard', { rules });
    const { secret: second } = await rotateSource(door.pool, 'standard', { overlapSeconds: 3600 });
    const signed = (secret: string, at = new Date(), id = 'msg_1') => ({
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, at, EVENT),
    });
    await firstPost(door, path, signed(first!));
    const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
    t.equal((await door.post(EVENT, { path, headers: signed(first!, ago(290), 'msg_2') })).status, 202);
    t.equal((await door.post(EVENT, { path, headers: signed(second!, ago(-290), 'msg_3') })).status, 202);
    t.equal((await door.post(EVENT, { path, headers: signed(second!, ago(310)) })).status, 401);
    t.equal((await door.post(EVENT, { path, headers: signed(second!, ago(-310)) })).status, 401);
    const good = signed(second!, new Date(), 'msg_4');
    const many = `v1,AAAA v2,x ,, v1a,AAAA v1 ${good['webhook-signature']}`;
    t.equal((await door.post(EVENT, { path, headers: { ...good, 'webhook-signature': many } })).status, 202);
    for (const [name, value] of Object.entries({
      'webhook-id': 'msg_5',
      'webhook-timestamp': `${good['webhook-timestamp']}x`,
      'webhook-signature': 'v1,',
    }))
      t.equal((await door.post(EVENT, { path, headers: { ...good, [name]: value } })).status, 401, name);

    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    await addSource(door.pool, 'standard-a', { rules, secret: `whpk_${raw.toString('base64')}` });
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = sign(null, Buffer.from(`msg_6.${timestamp}.${EVENT}`), privateKey).toString('base64');
    const headers = {
      'webhook-id': 'msg_6',
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1a,${signature}`,
    };
    t.equal(await firstPost(door, '/webhooks/standard-a', headers), 202);
    t.equal((await door.post(`${EVENT} `, { path: '/webhooks/standard-a', headers })).status, 401);
  },
);

t.test('the key that a sender signs with gives way to none but another that is named', async (t) => {
  const { pool } = await createTestDatabase(t);
  const key = () =>
    `whpk_${generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
  await addSource(pool, 'signed', { rules: { standard_webhooks: true }, secret: key() });
  const rotate = (secret?: string) =>
    rotateSource(pool, 'signed', { overlapSeconds: 0, ...(secret === undefined ? {} : { secret }) });
  const kept = async () =>
    (await pool.query('SELECT kind, expires_at IS NULL AS holds FROM source_secret ORDER BY id')).rows;
  const unprefixed = key().replace('whpk_', '');
  for (const secret of [undefined, unprefixed])
    await t.rejects(rotate(secret), { message: /name the new public key, whpk_…, with --secret-file/ });
  t.same(await kept(), [{ kind: 'v1a', holds: true }]);
  await rotate(key());
  t.same(await kept(), [
    { kind: 'v1a', holds: false },
    { kind: 'v1a', holds: true },
  ]);
});
