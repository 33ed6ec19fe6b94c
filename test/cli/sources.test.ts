import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

async function createProgram(t: Pick<Test, 'teardown'>) {
  const { url, pool } = await createTestDatabase(t);
  const env = { DATABASE_URL: url, INGEST_PORT: '0', LOG_LEVEL: 'info' };
  const hookfold = (...args: string[]) => runProgram(t, args, env).exit;
  return { pool, env, hookfold };
}

t.test('an empty --workspace or --cidr is refused, and not taken for any', async (t) => {
  const { pool, hookfold } = await createProgram(t);
  const source = ['source', 'add', 'shop'];
  for (const args of [
    [...source, '--workspace', ''],
    [...source, '--workspace', 'a,'],
    [...source, '--cidr', ''],
    ['key', 'add', 'x', '--admin', '--workspace', ''],
  ])
    t.match(
      await hookfold(...args),
      { code: 1, stderr: /it is empty; is a variable not set\?/ },
      args.join(' '),
    );
  const { rows } = await pool.query('SELECT name FROM source UNION ALL SELECT name FROM api_key');
  t.same(rows, []);
});

t.test('a source that was bound wrongly is bound rightly, and what it sent is released', async (t) => {
  const { pool, env, hookfold } = await createProgram(t);
  const ingest = runProgram(t, ['ingest'], env);
  const [, origin = ''] = await ingest.waitForLine(/Server listening at (http:[^"]+)/);
  const added = await hookfold(
    'source',
    'add',
    'shop',
    '--workspace',
    'wrong',
    '--base-url',
    origin,
    '--json',
  );
  const { url } = JSON.parse(added.stdout);
  const post = async () =>
    (await fetch(url, { method: 'POST', body: '{"event":"e","workspace_id":"right","payload":{}}' })).status;
  await waitFor(async () => (await post()) === 403);

  const set = await hookfold('source', 'set', 'shop', '--workspace', 'right', '--max-rate', '1000', '--json');
  t.match(JSON.parse(set.stdout), { name: 'shop', workspaces: ['right'], cidrs: null, max_rate: 1000 });
  await waitFor(async () => (await post()) === 202);
  t.match(await hookfold('rejected', 'release', '--all', '--reason', 'wrong-workspace'), {
    code: 0,
    stdout: /released: position/,
  });
  t.match(await hookfold('rejected', 'list'), { stdout: 'no such request is kept\n' });

  const any = await hookfold(
    'source',
    'set',
    'shop',
    '--any-workspace',
    '--no-max-rate',
    '--cidr',
    '10.0.0.0/8',
  );
  t.match(any, { code: 0, stdout: 'shop: from 10.0.0.0/8\n' });
  await waitFor(async () => (await post()) === 401);
  const { rows } = await pool.query('SELECT workspaces, cidrs, max_rate FROM source');
  t.same(rows, [{ workspaces: null, cidrs: ['10.0.0.0/8'], max_rate: null }]);
});

t.test('all bounds of a source are told, where they are set and where sources are listed', async (t) => {
  const { hookfold } = await createProgram(t);
  await hookfold('source', 'add', 'shop');
  t.match(await hookfold('source', 'list'), { stdout: /^shop +token +last used never {2}no bounds\n$/ });
  const bounds = ['--workspace', 'a,b', '--cidr', '10.0.0.0/8', '--proxy-depth', '1', '--max-rate', '5'];
  const told = 'workspaces a, b; from 10.0.0.0/8; proxy depth 1; 5 events a second; 4096 bytes in flight\n';
  const { stdout } = await hookfold('source', 'set', 'shop', ...bounds, '--max-bytes', '4096');
  t.equal(stdout, `shop: ${told}`);
  const listed = await hookfold('source', 'list');
  t.ok(listed.stdout.endsWith(`  ${told}`), listed.stdout);
});

t.test('what cannot be meant is refused: no change, both, no such source, no such reason', async (t) => {
  const { hookfold } = await createProgram(t);
  const wrong: [string[], RegExp][] = [
    [['source', 'set', 'shop'], /name what to change/],
    [['source', 'set', 'shop', '--workspace', 'a', '--any-workspace'], /cannot be used with/],
    [['source', 'set', 'shop', '--any-address'], /there is no source "shop" in use/],
    [['rejected', 'release', '--all', '--reason', 'wrong'], /no such reason; there are empty, not_utf8/],
    [['rejected', 'release', '1', '--source', 'shop'], /--source and --reason go with --all/],
  ];
  for (const [args, stderr] of wrong) t.match(await hookfold(...args), { code: 1, stderr }, args.join(' '));
});

t.test('a secret that nothing asks for is refused', async (t) => {
  const { pool, hookfold } = await createProgram(t);
  const file = join(t.testdir(), 'secret');
  writeFileSync(file, 'sixteen letters or more');
  t.match(await hookfold('source', 'add', 'shop', '--secret-file', file), {
    code: 1,
    stdout: '',
    stderr: /a secret was given that nothing asks for/,
  });
  t.same((await pool.query('SELECT name FROM source')).rows, []);
});
