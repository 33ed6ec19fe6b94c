// Several projectors on one database: real processes, one of them killed.
import type pg from 'pg';
import t, { type Test } from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { type RunningProgram, runProgram } from '../support/run-program.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, assertFolded, BODIES, startProjector } from './projecting.js';

/** How many units of work each owner holds. */
async function shares(pool: pg.Pool): Promise<number[]> {
  const { rows } = await pool.query(
    `SELECT count(*) FROM hookfold.lease WHERE name LIKE 'build:%' AND expires_at > now() GROUP BY owner ORDER BY 1`,
  );
  return rows.map(({ count }) => count);
}

async function folded(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query('SELECT sum(position)::bigint AS sum FROM projector.checkpoint');
  return rows[0].sum ?? 0;
}

function runProjector(t: Pick<Test, 'teardown'>, { url }: TestDatabase, ...args: string[]): RunningProgram {
  return runProgram(t, ['projector', ...args], { DATABASE_URL: url, PROJECTOR_PORT: '0' });
}

t.test('projectors that start together on an empty database share the work evenly', async (t) => {
  const database = await createTestDatabase(t);
  const options = { leaseTtlMs: 600, pageEvents: 300 };
  const [first, second] = await Promise.all([
    startProjector(t, database, options),
    startProjector(t, database, options),
  ]);
  const head = await appendBodies(database.pool, BODIES);
  await waitFor(async () => (await shares(database.pool)).join() === '3,3', { what: 'even shares' });
  await Promise.all([first.untilHead(), second.untilHead()]);
  t.equal(await folded(database.pool), head * PROJECTIONS.length);
  await assertFolded(t, database.pool);
  await first.stop();
  await waitFor(async () => (await shares(database.pool)).join() === '6', { timeoutMs: 2000 });
  await appendBodies(database.pool, BODIES.slice(0, 50));
  await second.untilHead();
  await assertFolded(t, database.pool);
});

t.test('processes fold segments, one is killed and the others take over within ten seconds', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES);
  await runProgram(t, ['--version']).exit; // It builds itself, if need be: once, not three times at once.
  const processes = [1, 2, 3].map(() => runProjector(t, database, '--segments', '4'));
  await waitFor(async () => (await shares(pool)).join() === '6,6,6', { timeoutMs: 30_000 });
  const appending = appendBodies(pool, [...BODIES, ...BODIES]);
  const before = await folded(pool);
  await waitFor(async () => (await folded(pool)) > before);
  processes[0]!.kill('SIGKILL');
  const killedAt = performance.now();
  await waitFor(async () => (await shares(pool)).join() === '9,9', { timeoutMs: 20_000 });
  const tookOverMs = Math.round(performance.now() - killedAt);
  t.ok(tookOverMs < 10_000, `4 models in 4 segments and 2 whole ones were taken over in ${tookOverMs} ms`);
  const head = await appending;
  await waitFor(
    async () => {
      const { rows } = await pool.query('SELECT min(position)::bigint AS min FROM projector.checkpoint');
      return rows[0].min === head;
    },
    { timeoutMs: 60_000, what: 'the others at the head' },
  );
  await assertFolded(t, pool);
  for (const running of processes.slice(1)) running.kill('SIGTERM');
  for (const running of processes.slice(1)) t.equal((await running.exit).code, 0, 'stops when told to');
  t.same(await shares(pool), [], 'and gives its leases back');
});

t.test(
  'a process killed in the middle of folding is followed by one that ends with the same rows',
  async (t) => {
    const database = await createTestDatabase(t);
    await appendBodies(database.pool, [...BODIES, ...BODIES]);
    const running = runProjector(t, database);
    await waitFor(async () => (await folded(database.pool)) > 0, { timeoutMs: 30_000, everyMs: 2 });
    running.kill('SIGKILL');
    await running.exit;
    const again = runProjector(t, database, '--until-head');
    t.equal((await again.exit).code, 0);
    await assertFolded(t, database.pool);
  },
);

t.test('a process that loses its connections, again and again, goes on by itself', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const head = await appendBodies(pool, [...BODIES, ...BODIES]);
  const running = runProjector(t, database);
  let ended = false;
  running.exit.then(() => {
    ended = true;
  });
  const cutOff = () =>
    pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  for (let cuts = 0, reached = 0; cuts < 4; cuts++) {
    await waitFor(async () => (await folded(pool)) > reached, { timeoutMs: 30_000, everyMs: 2 });
    reached = await folded(pool);
    await cutOff();
  }
  await waitFor(async () => (await folded(pool)) === head * PROJECTIONS.length, { timeoutMs: 60_000 });
  t.notOk(ended, 'the process lives');
  await assertFolded(t, pool);
  running.kill('SIGTERM');
  t.equal((await running.exit).code, 0);
});
