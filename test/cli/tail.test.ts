import t from 'tap';
import { readAt } from '../../src/log/read-log.js';
import { fillLog } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';

const webhooks = (count: number, id = 'i') =>
  Array.from({ length: count }, () => ({ event: 'e', payload: { id } }));

t.test('tail says which event is not there, before it and behind a gap', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  await fillLog(database.pool, webhooks(10 * SIZE));
  const tail = (...args: string[]) =>
    runProgram(t, ['tail', '--after', '0', ...args], { DATABASE_URL: database.url }).exit;
  await detach(SIZE + 1);
  const cut = await tail('--no-follow');
  t.match(cut, { code: 1, stderr: new RegExp(`no event at position ${SIZE + 1},`) });
  t.equal(
    cut.stdout.trim().split('\n').length,
    SIZE,
    'what is before the gap is shown, and nothing behind it',
  );
  await attach(SIZE + 1);
  for (let first = 1; first < 6 * SIZE; first += SIZE) await detach(first);
  for (const args of [['--no-follow'], []])
    t.match(await tail(...args), { code: 1, stdout: '', stderr: /no event at position 1,/ });
});

t.test('an integration is found by any spelling of its id', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const id = '5f2b8c1e7d1f4a439a520c2f3d1f7a10';
  await fillLog(pool, [...webhooks(1), ...webhooks(1, id)]);
  const { integration_id } = (await readAt(pool, 2))!;
  for (const spelling of [id.toUpperCase(), integration_id!]) {
    const args = ['tail', '--after', '0', '--no-follow', '--integration', spelling];
    t.match(await runProgram(t, args, { DATABASE_URL: url }).exit, { code: 0, stdout: /^2 .*\n$/ });
  }
});

t.test('a position that the log does not have is told', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  await fillLog(pool, webhooks(1));
  const tail = (after: string) => runProgram(t, ['tail', '--after', after], { DATABASE_URL: url }).exit;
  t.match(await tail('2'), { code: 1, stdout: '', stderr: /--after: the log ends at 1, found 2/ });
});

t.test('bodies that are not printed are not read', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const large = { event: 'e', payload: { text: 'x'.repeat(5 * 1024 * 1024) } };
  for (let n = 0; n < 40; n++) await fillLog(pool, [large]);
  await fillLog(pool, [{ event: 'small', payload: {} }]);
  const env = { DATABASE_URL: url, NODE_OPTIONS: '--max-old-space-size=64' };
  const tail = (...args: string[]) =>
    runProgram(t, ['tail', '--after', '0', '--no-follow', ...args], env).exit;
  t.match(await tail(), { code: 0, stdout: /^41 /m });
  t.match(await tail('--json', '--event', 'small'), { code: 0, stdout: /^\{"position":41,.*"body":\{/ });
});
