import t from 'tap';
import { findProjection } from '../../projections/index.js';
import type { Statement } from '../../src/postgres/pipeline.js';
import { tableOf } from '../../src/read-models/build.js';
import { ensureLiveBuild } from '../../src/read-models/live-build.js';
import { createRowTable } from '../../src/read-models/rows.js';
import { createTestDatabase } from '../support/test-database.js';

const activity = findProjection('activity');
const asQuery = ({ text, values }: Statement) => ({ text, values: [...values] });
const HOUR = '2026-11-24T00:00:00.000Z';

t.test('rows are found by the index, whichever part of their key is null', async (t) => {
  const { pool } = await createTestDatabase(t);
  const build = (await ensureLiveBuild(pool, activity))!;
  const table = createRowTable(activity, tableOf(build));
  const rows = [
    { workspace_id: null, event: 'a', hour: HOUR, count: 1 },
    { workspace_id: 'w', event: 'a', hour: HOUR, count: 2 },
    { workspace_id: null, event: 'b', hour: HOUR, count: 3 },
  ];
  await pool.query(asQuery(table.insert(rows)));
  const keys = [
    ['w', 'a', HOUR],
    [null, 'b', HOUR],
    ['w', 'b', HOUR],
    [null, 'a', HOUR],
  ];
  const found = await table.load(pool, keys);
  t.same(found.map(([index, { count }]) => [index, Number(count)]).sort(), [
    [0, 2],
    [1, 3],
    [3, 1],
  ]);

  const client = await pool.connect();
  t.teardown(() => client.release());
  await client.query('SET enable_seqscan = off');
  const removals = table.remove([
    [null, 'a', HOUR],
    ['w', 'a', HOUR],
  ]);
  for (const removal of removals) {
    const { text, values } = asQuery(removal);
    const plan = await client.query({ text: `EXPLAIN (COSTS OFF) ${text}`, values });
    t.match(JSON.stringify(plan.rows), /Index Cond: \(+\(?workspace_id (IS NULL|= )/);
    await client.query({ text, values });
  }
  t.same(
    (await table.load(pool, keys)).map(([index]) => index),
    [1],
  );
});
