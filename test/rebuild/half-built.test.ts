// Half-built tables that are to go while somebody reads them, as a dump does.
import pino from 'pino';
import t from 'tap';
import { discardRebuilds } from '../../src/projector/rebuild/retire.js';
import { findBuild, tableOf } from '../../src/read-models/build.js';
import { waitFor } from '../support/wait-for.js';
import { next } from './next-version.js';
import { createRebuildingDatabase, type RebuildingDatabase } from './rebuilding.js';

const ends: Record<string, ({ pool, rebuild }: RebuildingDatabase) => Promise<unknown>> = {
  'a discard': ({ pool }) => discardRebuilds(pool, [], { logger: pino({ level: 'silent' }) }),
  'a rebuild that begins anew': ({ rebuild }) => rebuild([next], { dryRun: true, code: 'second' }),
};
for (const [what, end] of Object.entries(ends))
  t.test(`${what} gives way to who reads the table, and is made when that has ended`, async (t) => {
    const database = await createRebuildingDatabase(t);
    const { pool, rebuild } = database;
    await rebuild([next], { dryRun: true, code: 'first' });
    const building = (await findBuild(pool, next, 'building'))!;
    const reader = await pool.connect();
    await reader.query(`BEGIN; SELECT count(*) FROM ${tableOf(building)}`);
    const ending = end(database);
    const isWaiting = async () =>
      (
        await pool.query(
          `SELECT FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DROP TABLE%'`,
        )
      ).rowCount === 1;
    await waitFor(isWaiting);
    await waitFor(async () => !(await isWaiting()), { what: 'it to give way' });
    await reader.query('COMMIT');
    reader.release();
    await ending;
    t.not((await findBuild(pool, next, 'building'))?.build_id, building.build_id);
  });
