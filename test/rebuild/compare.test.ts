// What is shown of the rows that differ.
import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { findServed, tableOf } from '../../src/read-models/build.js';
import { createRebuildingDatabase } from './rebuilding.js';

const resource = findProjection('resource');

t.test('rows of each kind are shown, however many there are of one', async (t) => {
  const { pool, rebuild } = await createRebuildingDatabase(t);
  const table = tableOf((await findServed(pool, 'resource'))!);
  await pool.query(`DELETE FROM ${table} WHERE ctid = (SELECT max(ctid) FROM ${table})`);
  const { rowCount } = await pool.query(`UPDATE ${table} SET update_count = -1`);
  await pool.query(
    `INSERT INTO ${table} SELECT (jsonb_populate_record(t, '{"integration_id": "nobody"}')).* FROM ${table} t LIMIT 1`,
  );
  const sampled = async (sampleSize: number) => {
    const { comparison } = (await rebuild([resource], { dryRun: true, sampleSize })).get('resource')!;
    t.match(comparison, { added: 1, removed: 1, changed: rowCount });
    const kinds = comparison!.sample.map(({ kind }) => kind);
    return ['added', 'removed', 'changed'].map((kind) => kinds.filter((each) => each === kind).length);
  };
  t.same(await sampled(50), [1, 1, 48]);
  t.same(await sampled(2), [1, 1, 0]);
  t.same(await sampled(0), [0, 0, 0]);
});
