import t from 'tap';
import { readHead } from '../../src/log/read-log.js';
import { simulateWebhooks } from '../../src/simulator/simulate-webhooks.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

t.test(
  'a source that was added takes what simulate sends, and what is rejected can be released',
  async (t) => {
    const { url, pool } = await createTestDatabase(t);
    const env = { DATABASE_URL: url, INGEST_PORT: '0', LOG_LEVEL: 'info', MAX_BODY_BYTES: '100000' };
    const hookfold = (...args: string[]) => runProgram(t, args, env).exit;
    const ingest = runProgram(t, ['ingest'], env);
    const [, origin = ''] = await ingest.waitForLine(/Server listening at (http:[^"]+)/);

    const added = await hookfold('source', 'add', 'munity', '--json', '--base-url', origin);
    const source = JSON.parse(added.stdout);
    t.match(source, {
      source: 'munity',
      token: /^[\w-]{43}$/,
      url: `${origin}/webhooks/munity/${source.token}`,
    });
    const post = (body: string) => fetch(source.url, { method: 'POST', body });
    await waitFor(async () => (await post('no event')).status === 400);
    const large = (bytes: number) => `{"event":"e","payload":{"text":"${'x'.repeat(bytes)}"}}`;
    t.equal((await post(large(100_000))).status, 413, 'larger than MAX_BODY_BYTES');
    await hookfold('rejected', 'drop', '2');

    const sending = ['simulate', '--url', source.url, '--duration', '1s', '--connections', '4', '--json'];
    const simulated = await hookfold(...sending, '--rate', '200');
    const outcome = JSON.parse(simulated.stdout);
    t.equal(simulated.code, 0);
    t.ok(outcome.sent > 20 && outcome.sent < 250);
    t.match(outcome, {
      acknowledged: outcome.sent,
      rejected: 0,
      refused: 0,
      failed: 0,
      latency_ms: { p99: Number },
    });
    t.equal(await readHead(pool), outcome.sent);

    const [kept] = (await hookfold('rejected', 'list', '--json')).stdout
      .split('\n')
      .map((line) => line && JSON.parse(line));
    t.match(kept, { source: 'munity', reason: 'not_json', body_length: 8 });
    t.match(await hookfold('rejected', 'release', String(kept.id)), {
      code: 1,
      stdout: /rejected: the body is not JSON/,
    });
    t.match(await hookfold('rejected', 'show', String(kept.id)), { code: 0, stdout: /no event/ });
    t.match(await hookfold('rejected', 'drop', String(kept.id)), { code: 0, stdout: /dropped 1 of 1/ });
    t.match(await hookfold('rejected', 'list'), { code: 0, stdout: 'no such request is kept\n' });
    t.match(await hookfold('source', 'list'), { stdout: /^munity +token +last used/ });
    t.match(await hookfold('source', 'revoke', 'munity'), { code: 0, stdout: /^munity is revoked/ });
    ingest.kill('SIGTERM');
    t.match(await ingest.exit, { code: 0 });
    t.notMatch(ingest.stderr(), new RegExp(source.token));
  },
);

t.test('the simulator says the same for the same seed, in the form of its sender', async (t) => {
  const take = (count: number, options: Parameters<typeof simulateWebhooks>[0]) => {
    const webhooks = simulateWebhooks(options);
    return Array.from({ length: count }, () => webhooks.next().value);
  };
  t.same(take(500, { seed: 3 }), take(500, { seed: 3 }));
  t.notSame(take(500, { seed: 3 }), take(500, { seed: 4 }));
  const texts = take(20_000, { seed: 5, integrations: 5, resources: 40 });
  const parsed = texts.map((text) => JSON.parse(text));
  t.equal(new Set(parsed.map(({ event }) => event)).size, 8, 'all eight events');
  t.ok(
    texts.every((text) => /^[ -~]+$/.test(text)),
    'ASCII',
  );
  t.ok(new Set(texts).size < texts.length, 'some are byte for byte the same');
  t.ok(
    parsed.some(({ payload }) => /^[0-9a-f]{32}$/.test(payload.id)),
    'ids without dashes',
  );
  const average = texts.reduce((sum, text) => sum + text.length, 0) / texts.length;
  t.ok(average > 700 && average < 840, `about 770 bytes: ${average}`);
});
