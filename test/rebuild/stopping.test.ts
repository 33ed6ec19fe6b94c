// A projector that is stopped while the server is at a long statement of a rebuild. Each is held up for good, so a stop that
// waited for it would never come to its end.
import t, { type Test } from 'tap';
import { findBuild, findServed, tableOf } from '../../src/read-models/build.js';
import { startProjector } from '../projector/projecting.js';
import { waitFor } from '../support/wait-for.js';
import { next } from './next-version.js';
import { createRebuildingDatabase, type RebuildingDatabase } from './rebuilding.js';

/** Starts a projector of the next version, and stops it once it is at a statement. */
async function stopAt(t: Test, database: RebuildingDatabase, statement: string): Promise<void> {
  const { pool } = database;
  const projector = await startProjector(t, database, { projections: [next], autoRebuildMs: 100 });
  const isAtIt = async () =>
    (
      await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
         AND wait_event_type IN ('Lock', 'Timeout') AND query LIKE $1`,
        [statement],
      )
    ).rowCount === 1;
  await waitFor(isAtIt);
  await projector.stop();
  t.equal(await isAtIt(), false, 'the server has let go of it');
  const { rows } = await pool.query('SELECT name FROM hookfold.lease WHERE expires_at > now()');
  t.strictSame(rows, [], 'all leases are given back');
  t.match(await findServed(pool, 'integration'), { version: 1 });
}

t.test('a projector stops though it makes an index', async (t) => {
  const database = await createRebuildingDatabase(t);
  const { pool, rebuild } = database;
  const interrupted = rebuild([next], {
    onProgress() {
      throw new Error('interrupted');
    },
  });
  await t.rejects(interrupted, /interrupted/);
  // What writes rows can go on beside this, what makes an index cannot.
  const writer = await pool.connect();
  const building = (await findBuild(pool, next, 'building'))!;
  await writer.query(`BEGIN; LOCK TABLE ${tableOf(building)} IN ROW EXCLUSIVE MODE`);
  await stopAt(t, database, 'CREATE INDEX%');
  await writer.query('COMMIT');
  writer.release();
});

t.test('a projector stops though it compares tables', async (t) => {
  const database = await createRebuildingDatabase(t);
  const table = tableOf((await findServed(database.pool, 'integration'))!);
  await database.pool.query(
    `CREATE POLICY slow ON ${table} USING (pg_sleep(600) IS NOT NULL);
     ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
  );
  await stopAt(t, database, '%AS rows_before%');
});
