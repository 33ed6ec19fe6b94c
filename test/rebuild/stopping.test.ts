// A projector that is stopped while the server is at a long statement of a rebuild, which is held up for good, so that a stop
// which waited for it would never come to its end; and what else of a rebuild a stop reaches.
import t, { type Test } from 'tap';
import { integration } from '../../projections/integration/projection.js';
import { inAbortableTransaction } from '../../src/postgres/abortable-transaction.js';
import { createLocalLoader } from '../../src/projector/rebuild/local-loader.js';
import { createRunReader, type RunReader } from '../../src/projector/run-reader.js';
import { findBuild, findServed, tableOf } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { startProjector } from '../projector/projecting.js';
import { createTestDatabase } from '../support/test-database.js';
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

/** `integration`, of which Postgres refuses the rows from an event on. */
const refusedFrom = (position: number): typeof integration => ({
  ...integration,
  evolve(row, event) {
    const after = integration.evolve(row, event);
    return event.position >= position && after ? { ...after, installed: null as never } : after;
  },
});

t.test('a load that looks for the event behind a refused row ends between two pages', async (t) => {
  const { pool, head, rebuild } = await createRebuildingDatabase(t);
  const stopping = new AbortController();
  const reason = new Error('it stops');
  const readLog = createRunReader(pool);
  let furthest = 0;
  const readRun: RunReader = (position, limits) => {
    // All was folded, and refused: it begins again, page by page.
    if (position < furthest) stopping.abort(reason);
    furthest = Math.max(furthest, position);
    return readLog(position, limits);
  };
  const load = createLocalLoader({
    ...{ readRun, readPool: pool, memoryBytes: 1e8, pageEvents: 100, signal: stopping.signal },
  });
  const rebuilding = rebuild([refusedFrom(head - 200)], { load });
  await t.rejects(rebuilding, reason);
  const building = (await findBuild(pool, integration, 'building'))!;
  const [checkpoint] = await readCheckpoints(pool, building.build_id);
  t.ok(checkpoint!.position < head / 2, `it stands at ${checkpoint!.position} of ${head}`);
});

t.test('what is aborted when all its statements are made is not committed', async (t) => {
  const { pool } = await createTestDatabase(t);
  const stopping = new AbortController();
  const reason = new Error('it stops');
  const work = inAbortableTransaction(pool, stopping.signal, async (client) => {
    await client.query('CREATE TABLE made ()');
    stopping.abort(reason);
  });
  await t.rejects(work, reason);
  t.equal((await pool.query("SELECT FROM pg_tables WHERE tablename = 'made'")).rowCount, 0);
});
