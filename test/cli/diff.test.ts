// `hookfold diff`, for programs and for those who mistype.
import t from 'tap';
import { fillLog } from '../support/fill-log.js';
import { I, updated } from '../support/query-webhooks.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('as JSON a row is a line, however its data were broken into lines', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const run = (...args: string[]) => runProgram(t, ['diff', 'resource', ...args], { DATABASE_URL: url }).exit;
  const broken = JSON.stringify(updated('a', { text: 'a\nb', list: [1, 2] }), null, 2).replaceAll(
    '\n',
    '\r\n',
  );
  await fillLog(pool, [broken, updated('b', 1)]);
  const { stdout } = await run('--from', '0', '--json');
  const rows = stdout.trim().split('\n');
  t.equal(rows.length, 2);
  const [first] = rows.map((line) => JSON.parse(line)).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  t.match(first, {
    key: [I, 'crm contact/ü', 'a'],
    changes: { data: { after: { text: 'a\nb', list: [1, 2] } } },
  });
});

t.test('a bound that cannot be is called by the option that gave it', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const run = (...args: string[]) => runProgram(t, ['diff', 'resource', ...args], { DATABASE_URL: url }).exit;
  await fillLog(pool, [updated('a', 1)]);
  const cases: [string[], RegExp][] = [
    [['--from', '999999'], /--from: the log ends at 1, found 999999/],
    [['--from', '0', '--to', '2'], /--to: the log ends at 1, found 2/],
    [['--from', '2026-02-30T00:00:00Z'], /--from: expected an RFC 3339 time/],
    [['--from', '0', '--to', '2999-01-01T00:00:00Z'], /--to: expected a time that has passed/],
  ];
  for (const [args, told] of cases) {
    const outcome = await run(...args);
    t.match(outcome, { code: 1, stdout: '', stderr: told });
    t.notMatch(outcome.stderr, /as_of/);
  }
});
