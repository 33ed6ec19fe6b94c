// What is decided batch by batch: times, lines that the log refuses, and who may go on.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import t, { type Test } from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { readHead } from '../../src/log/read-log.js';
import { newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

/** A file of `lines`, what imports it into a database of its own, and who holds a table of that. */
async function createImport(t: Test, lines: readonly string[]) {
  const { url, pool } = await createTestDatabase(t);
  const file = join(t.testdir(), 'capture.ndjson');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  const start = () => runProgram(t, ['import', file, '--json'], { DATABASE_URL: url });
  const hold = async (lock: string) => {
    const client = await pool.connect();
    await client.query(`BEGIN; ${lock}`);
    return async () => {
      await client.query('COMMIT');
      client.release();
    };
  };
  const waiting = (query: string) =>
    waitFor(async () => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ $1`,
        [query],
      );
      return rowCount === 1;
    });
  return { pool, start, hold, waiting };
}

const event = (name: string) => JSON.stringify({ event: name, payload: {} });
const bodies = (count: number) => Array.from({ length: count }, (_, index) => event(String(index)));
const bodiesOf = async (pool: pg.Pool): Promise<string[]> =>
  (await pool.query('SELECT body::text FROM event_log ORDER BY position')).rows.map(({ body }) => body);
const HOLD_PROGRESS = 'LOCK TABLE import_progress IN SHARE ROW EXCLUSIVE MODE';

t.test('a line without a time gets that of its batch, so that times rise with the positions', async (t) => {
  const { pool, start, hold, waiting } = await createImport(t, Array(1001).fill(event('a')));
  const release = await hold(HOLD_PROGRESS);
  const { exit } = start();
  await waiting('INSERT INTO import_progress');
  await appendEvents(pool, [newEvent({ event: 'at the door', payload: {} })]);
  await release();
  t.match(await exit, { code: 0 });
  const { rows } = await pool.query('SELECT received_at AS at FROM event_log WHERE position IN (1, 1002)');
  t.equal(rows.length, 2);
  t.ok(rows[0].at <= rows[1].at, `${rows[0].at}, then ${rows[1].at}`);
});

t.test('a body of an archive may be as deep as at the door', async (t) => {
  const nested = (levels: number) =>
    `{"event":"deep","payload":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
  const archived = (body: string) => `{"received_at":"2024-02-29T11:00:00Z","body":${body}}`;
  const lines = [nested(98), nested(99), archived(nested(98)), archived(nested(99)), '['.repeat(101)];
  const { pool, start } = await createImport(t, lines);
  const { stdout } = await start().exit;
  t.match(JSON.parse(stdout), {
    appended: 2,
    bad_lines: [2, 4, 5].map((line) => ({ line, reason: 'too_deep' })),
  });
  const { rows } = await pool.query('SELECT body::text FROM event_log');
  t.same(rows, [{ body: nested(98) }, { body: nested(98) }]);
});

t.test(
  'a line that the log refuses is told with its number, and keeps no other from being imported',
  async (t) => {
    const { pool, start } = await createImport(t, [...['a', 'poison', 'b'].map(event), 'no json']);
    await pool.query(`ALTER TABLE event_log ADD CONSTRAINT no_poison CHECK (event <> 'poison')`);
    const { stdout } = await start().exit;
    const bad = [
      { line: 4, reason: 'not_json' },
      { line: 2, reason: 'refused_by_database', detail: /^line 2: / },
    ];
    t.match(JSON.parse(stdout), { appended: 2, bad: 2, bad_lines: bad });
    const { rows } = await pool.query('SELECT reason, detail FROM rejected_webhook ORDER BY id');
    t.match(
      rows,
      bad.map(({ line, reason }) => ({ reason, detail: new RegExp(`^line ${line}: `) })),
    );
  },
);

t.test('of two imports of one file at once one is refused, and each line is there once', async (t) => {
  const { pool, start, hold, waiting } = await createImport(t, bodies(3000));
  const release = await hold('SELECT FROM log_setting FOR UPDATE');
  const first = start();
  await waiting('append_events');
  const second = start();
  await waitFor(async () => {
    const looks = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^SELECT expires_at'`;
    return (await pool.query(looks)).rowCount === 1;
  });
  await release();
  t.match(await second.exit, { code: 1, stderr: /another import into import is running; wait for its end/ });
  t.match(await first.exit, { code: 0 });
  t.same(await bodiesOf(pool), bodies(3000));
});

t.test(
  'an import that stands still lets the next go on, and when it wakes it appends nothing more',
  async (t) => {
    const { pool, start } = await createImport(t, bodies(30_000));
    const still = start();
    await waitFor(async () => (await readHead(pool)) > 2000);
    still.kill('SIGSTOP');
    t.match(await start().exit, { code: 0 });
    still.kill('SIGCONT');
    t.match(await still.exit, {
      code: 1,
      stderr: /could not be appended: .*Import the file again: it goes on/,
    });
    t.same(await bodiesOf(pool), bodies(30_000));
    t.match(JSON.parse((await start().exit).stdout), { appended: 0, skipped: 30_000 });
  },
);
