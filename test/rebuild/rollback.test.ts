// What a rollback goes back to, and what may take it back in turn.
import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { findServed } from '../../src/read-models/build.js';
import { next } from './next-version.js';
import { createRebuildingDatabase } from './rebuilding.js';

const activity = findProjection('activity');

t.test('a rollback serves what was served before, not a table that was taken back already', async (t) => {
  const { pool, pools, rebuild } = await createRebuildingDatabase(t);
  const served = async () => (await findServed(pool, 'activity'))!.table_name;
  const good = await served();
  await rebuild([activity]);
  const rejected = await served();
  await rollbackRebuild(pools, activity);
  const reader = await pool.connect();
  await reader.query(`BEGIN; SELECT count(*) FROM read_model."${rejected}"`);
  await rebuild([activity]);
  await reader.query('COMMIT');
  reader.release();
  const kept = await pool.query('SELECT FROM pg_tables WHERE tablename = $1', [rejected]);
  t.equal(kept.rowCount, 1, 'it is still there, since somebody read it');
  t.equal((await rollbackRebuild(pools, activity)).table_name, good);
  t.equal(await served(), good);
});

t.test('made again it goes on back, to the version before, though the newer one was rebuilt', async (t) => {
  const { pool, pools, rebuild } = await createRebuildingDatabase(t);
  const served = async () => {
    const { build_id, version, pinned } = (await findServed(pool, 'integration'))!;
    return { build_id, version, pinned };
  };
  const first = await served();
  await rebuild([next]);
  const second = await served();
  await rebuild([next]);
  await rollbackRebuild(pools, next);
  t.same(await served(), second);
  await rollbackRebuild(pools, next);
  t.same(await served(), { ...first, pinned: true });
  await t.rejects(rollbackRebuild(pools, next), /no earlier table/);
});
