// What a build is made of: the segments and indexes of the one before.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { integration } from '../../projections/integration/projection.js';
import type { Leftover } from '../../src/projector/rebuild/prepare.js';
import { resegment } from '../../src/projector/resegment.js';
import { type Build, findBuild } from '../../src/read-models/build.js';
import { next } from './next-version.js';
import { createRebuildingDatabase } from './rebuilding.js';

t.test('a table with a UNIQUE constraint beside its key gets its secondary indexes', async (t) => {
  const { pool, rebuild } = await createRebuildingDatabase(t);
  const sql = readFileSync(new URL('table.sql', integration.folder), 'utf8').replace(
    'PRIMARY KEY',
    'UNIQUE (integration_id, workspace_id), PRIMARY KEY',
  );
  const folder = pathToFileURL(`${t.testdir({ 'table.sql': sql })}/`);
  const secondary = async () => {
    const { table_name } = (await findBuild(pool, integration, 'live'))!;
    const { rows } = await pool.query(
      `SELECT regexp_replace(indexdef, '.*USING ', '') AS index FROM pg_indexes
       WHERE tablename = $1 AND indexdef NOT LIKE '%UNIQUE%' ORDER BY 1`,
      [table_name],
    );
    return rows;
  };
  const before = await secondary();
  t.ok(before.length > 0);
  await rebuild([{ ...integration, folder }]);
  t.strictSame(await secondary(), before);
});

t.test('a new version has the segments of the one before, and a leftover its own', async (t) => {
  const { pool, pools, rebuild } = await createRebuildingDatabase(t);
  await resegment(pools, integration, (await findBuild(pool, integration, 'live')) as Build, 4);
  await rebuild([next], { dryRun: true });
  t.equal((await findBuild(pool, next, 'building'))?.segments, 4);
  const leftovers: Leftover[] = [];
  const onLeftover = (leftover: Leftover) => void leftovers.push(leftover);
  await rebuild([next], { dryRun: true, workers: 8, onLeftover });
  t.match(leftovers, [{ anew: undefined, segments: 4 }]);
  await rebuild([next], { workers: 4, onLeftover });
  t.equal(leftovers[1]?.segments, undefined, 'where it has enough, that is not told');
});

t.test('what is large is compressed by lz4 where Postgres has it', async (t) => {
  const { pool } = await createRebuildingDatabase(t, []);
  const { rows } = await pool.query(
    `SELECT string_agg(DISTINCT attcompression::text, '') AS used,
       (SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'l' ELSE '' END FROM pg_settings
        WHERE name = 'default_toast_compression') AS best
     FROM pg_attribute JOIN projector.build ON attrelid = ('read_model.' || table_name)::regclass
     WHERE attnum > 0 AND attstorage IN ('x', 'm')`,
  );
  t.equal(rows[0].used, rows[0].best);
});
