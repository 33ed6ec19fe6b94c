import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { readHead } from '../../src/log/read-log.js';
import { verifyLog } from '../../src/log/verify-log.js';
import { simulateWebhooks } from '../../src/simulator/simulate-webhooks.js';
import { newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

function createFolder(t: Pick<Test, 'teardown'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'hookfold-import-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

t.test(
  'an import that was killed goes on where it was, and one of a file that has grown as well',
  async (t) => {
    const { url, pool } = await createTestDatabase(t);
    const file = join(createFolder(t), 'capture.ndjson');
    const webhooks = simulateWebhooks({ seed: 7 });
    const lines = Array.from({ length: 30_000 }, () => webhooks.next().value);
    writeFileSync(file, `${lines.join('\n')}\n`);
    const env = { DATABASE_URL: url };

    const killed = runProgram(t, ['import', file], env);
    await waitFor(async () => (await readHead(pool)) > 2000);
    killed.kill('SIGKILL');
    await killed.exit;
    const done = await readHead(pool);
    t.ok(done < lines.length, 'it was interrupted');

    appendFileSync(file, '{"event": "last", "payload": {}}\nno json\n');
    const resumed = await runProgram(t, ['import', file, '--json'], env).exit;
    t.equal(resumed.code, 1, 'a line was bad');
    const outcome = JSON.parse(resumed.stdout);
    t.equal(outcome.skipped + outcome.appended, lines.length + 1);
    t.match(outcome.bad_lines, [{ line: lines.length + 2, reason: 'not_json' }]);
    const { rows } = await pool.query('SELECT body::text FROM event_log ORDER BY position');
    t.ok(
      lines.every((line, index) => rows[index].body === line),
      'each line once, in order, to the letter',
    );
    t.equal(rows.length, lines.length + 1);
    const rejected = await pool.query('SELECT source, reason, body FROM rejected_webhook');
    t.same(rejected.rows, [{ source: 'import', reason: 'not_json', body: Buffer.from('no json') }]);
  },
);

t.test('of a file that is still written, the last line is taken once it is whole', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const file = join(createFolder(t), 'capture.ndjson');
  const run = async () => {
    const { code, stdout } = await runProgram(t, ['import', file, '--json'], { DATABASE_URL: url }).exit;
    return { code, ...JSON.parse(stdout) };
  };
  writeFileSync(file, '{"event": "a", "payload": {}}\n{"event": "b", "pay');
  t.match(await run(), { code: 1, appended: 1, skipped: 0, bad: 0, unfinished_line: 2 });
  t.match(await run(), { code: 1, appended: 0, skipped: 1, bad: 0, unfinished_line: 2 });
  appendFileSync(file, 'load": {}}');
  t.match(await run(), { code: 0, appended: 1, skipped: 1, bad: 0, unfinished_line: null });
  appendFileSync(file, '\n{"event": "c", "payload": {}}\nno event\n');
  t.match(await run(), { code: 1, appended: 1, skipped: 2, bad: 1, unfinished_line: null });
  const { rows } = await pool.query('SELECT event FROM event_log ORDER BY position');
  t.same(
    rows.map(({ event }) => event),
    ['a', 'b', 'c'],
  );

  writeFileSync(file, 'half');
  const said = await runProgram(t, ['import', file], { DATABASE_URL: url }).exit;
  t.match(said, { code: 1, stdout: /line 1, the last, has no end yet and was left: import the file again/ });
});

t.test('an old copy of a file that has grown since is known', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const [file, copy] = ['capture.ndjson', 'copy.ndjson'].map((name) => join(t.testdir(), name));
  const run = async (path: string) =>
    JSON.parse((await runProgram(t, ['import', path, '--json'], { DATABASE_URL: url }).exit).stdout);
  for (const path of [file!, copy!]) writeFileSync(path, '{"event": "a", "payload": {}}\n');
  t.match(await run(file!), { appended: 1 });
  appendFileSync(file!, '{"event": "b", "payload": {}}\n');
  t.match(await run(file!), { appended: 1, skipped: 1 });
  t.match(await run(copy!), { appended: 0, skipped: 1 });
  t.match(await run(file!), { appended: 0, skipped: 2 });
  t.equal(
    (await pool.query('SELECT FROM import_progress')).rowCount,
    2,
    'a row for each run that did something',
  );
});

t.test('an import keeps nobody from appending but for its append, and says how it goes on', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const file = join(createFolder(t), 'capture.ndjson');
  writeFileSync(file, '{"event": "a", "payload": {}}\nno json\n');
  const run = () => runProgram(t, ['import', file, '--json'], { DATABASE_URL: url }).exit;
  const importing = `FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ $1`;
  const waits = (query: string) =>
    waitFor(async () => (await pool.query(`SELECT ${importing}`, [query])).rowCount === 1);
  const blocker = await pool.connect();
  t.teardown(() => blocker.release());

  for (const table of ['rejected_webhook', 'import_progress']) {
    await blocker.query(`BEGIN; LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    const imported = run();
    await waits(`INSERT INTO ${table}`);
    const head = await readHead(pool);
    await appendEvents(blocker, [newEvent({ event: 'of another', payload: {} })]);
    await blocker.query('COMMIT');
    t.equal(JSON.parse((await imported).stdout).last_position, head + 2, 'the other was first');
    await pool.query('DELETE FROM import_progress');
  }

  await blocker.query('BEGIN; SELECT FROM log_setting FOR UPDATE');
  const ended = run();
  await waits('append_events');
  await pool.query(`SELECT pg_terminate_backend(pid) ${importing}`, ['append_events']);
  t.match(await ended, { code: 1, stderr: /could not be appended: .*Import the file again: it goes on/ });
  await blocker.query('COMMIT');
  t.match(JSON.parse((await run()).stdout), { appended: 1, bad: 1, last_position: 5 });
});

t.test('an import takes bodies as large as the door does, however long their lines are', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const file = join(createFolder(t), 'capture.ndjson');
  const body = (bytes: number) => `{"event":"e","payload":{${' '.repeat(bytes - 26)}}}`;
  const archived = (value: unknown) => JSON.stringify({ received_at: '2024-02-29T11:00:00Z', body: value });
  const run = async (lines: string[], limit: number) => {
    writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
    const env = { DATABASE_URL: url, MAX_BODY_BYTES: String(limit) };
    return JSON.parse((await runProgram(t, ['import', file, '--json'], env).exit).stdout);
  };
  const tabs = body(100_000).replaceAll(' ', '\t');
  const lines = [body(100_000), body(100_001), archived(tabs), archived(`${tabs} `), body(2_000_000)];
  t.ok(archived(tabs).length > 199_000, 'each tab is an escape');
  t.match(await run(lines, 100_000), {
    appended: 2,
    bad_lines: [2, 4, 5].map((line) => ({ line, reason: 'too_large' })),
  });
  const kept = await pool.query(
    'SELECT octet_length(body) AS kept, body_length FROM rejected_webhook ORDER BY id',
  );
  t.match(
    kept.rows,
    [lines[1]!, lines[3]!, lines[4]!].map(({ length }) => ({ kept: 65_536, body_length: length })),
  );
  t.match(await run([body(6_000_000)], 6_000_000), { appended: 1, bad: 0 });
});

t.test('an archive keeps its times and texts; standard input is a file like any other', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const archive = [
    '{"received_at": "2024-02-29T12:00:00.5+02:00", "body": {"event": "a",  "payload": {"n": 1.10, "n": 1e400}}}',
    '',
    '{"body": "{\\"event\\": \\"b\\", \\"payload\\": {}}", "received_at": "2024-02-29T11:00:00Z"}\r',
    '{"received_at": "yesterday", "body": {"event": "c", "payload": {}}}',
    '{"received_at": "2024-02-29T11:00:00Z", "body": []}',
  ].join('\n');
  const run = () =>
    runProgram(
      t,
      ['import', '-', '--source', 'archive', '--json'],
      { DATABASE_URL: url },
      { input: archive },
    );
  t.match(JSON.parse((await run().exit).stdout), {
    appended: 2,
    bad: 2,
    bad_lines: [{ line: 4 }, { line: 5 }],
  });
  t.match(JSON.parse((await run().exit).stdout), { appended: 0, skipped: 5, bad: 0 });
  const { rows } = await pool.query(
    'SELECT source, received_at, body::text FROM event_log ORDER BY position',
  );
  t.same(rows, [
    {
      source: 'archive',
      received_at: '2024-02-29T10:00:00.500Z',
      body: '{"event": "a",  "payload": {"n": 1.10, "n": 1e400}}',
    },
    { source: 'archive', received_at: '2024-02-29T11:00:00.000Z', body: '{"event": "b", "payload": {}}' },
  ]);
});

t.test('a time of an archive is one that every reader of the log can read', async (t) => {
  const { url, pool } = await createTestDatabase(t);
  const file = join(createFolder(t), 'archive.ndjson');
  const good = ['1970-01-01T00:00:00Z', '9999-12-31T23:59:59.9999Z', '1969-12-31T23:00:00-01:00'];
  const bad = [
    '1969-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-05:00',
    '0001-01-01T00:00:00+05:00',
  ];
  const archived = (received_at: string) =>
    `${JSON.stringify({ received_at, body: { event: 'a', payload: {} } })}\n`;
  writeFileSync(file, [...good, ...bad].map(archived).join(''));
  const imported = await runProgram(t, ['import', file, '--json'], { DATABASE_URL: url }).exit;
  t.match(JSON.parse(imported.stdout), {
    appended: good.length,
    bad_lines: bad.map((_, index) => ({ line: good.length + index + 1, detail: /the years 1970 to 9999/ })),
  });
  const { rows } = await pool.query('SELECT received_at FROM event_log ORDER BY position');
  t.same(
    rows.map(({ received_at }) => received_at),
    ['1970-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '1970-01-01T00:00:00.000Z'],
  );
  t.match(await verifyLog(pool), { verified: good.length, fault: undefined });
});
