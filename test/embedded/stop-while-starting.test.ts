// However long a start may take, a stop does not wait for it.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isRunning } from '../../src/embedded/orphan.js';
import { startPostgres } from '../../src/embedded/postgres-server.js';
import { readLastRunFile } from '../../src/embedded/run-file.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { createTestHome } from '../support/test-home.js';
import { waitFor } from '../support/wait-for.js';

// Nobody is there, and nothing is started in its place.
const NATS_URL = 'nats://127.0.0.1:1';

function start(t: Test, home: string, more: Record<string, string> = {}) {
  const environment = { HOOKFOLD_DATA: home, NATS_URL, INGEST_PORT: '0', QUERY_PORT: '0', ...more };
  return runProgram(t, ['start'], environment, { detached: true });
}

t.test('a stop while a migration waits for its lock is a clean one', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const holder = await pool.connect();
  t.teardown(() => holder.release(true));
  await holder.query('SELECT pg_advisory_lock(7203441986)'); // That of src/postgres/migrate.ts.
  const home = createTestHome(t);
  const program = start(t, home, { DATABASE_URL: url });
  await waitFor(async () => {
    const { rowCount } = await holder.query(
      `SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
       WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`,
    );
    return rowCount === 1;
  });
  program.kill('SIGTERM');
  await waitFor(() => !isRunning(program.pid));
  t.match(await program.exit, { code: 0, stdout: /stopped\.\n$/ });
  t.equal(readLastRunFile(home), undefined);
});

t.test('a stop while Postgres recovers ends Postgres', async (t) => {
  const home = createTestHome(t);
  await (await startPostgres({ home })).stop();
  // A standby of nobody: it waits for more to recover, and lets nobody in.
  const data = join(home, 'postgres', 'data');
  writeFileSync(join(data, 'standby.signal'), '');
  appendFileSync(join(data, 'postgresql.auto.conf'), 'hot_standby = off\n');
  const pidFile = join(data, 'postmaster.pid');
  const program = start(t, home);
  await waitFor(() => /entering standby mode/.test(readFileSync(join(home, 'postgres.log'), 'utf8')));
  const postmaster = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  t.ok(isRunning(postmaster));
  program.kill('SIGTERM');
  await waitFor(() => !isRunning(program.pid));
  t.match(await program.exit, { code: 0, stdout: /stopped\.\n$/ });
  t.notOk(isRunning(postmaster));
  t.notOk(existsSync(pidFile), 'it was shut down, not killed');
});
