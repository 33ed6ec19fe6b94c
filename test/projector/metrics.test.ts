import { Registry } from 'prom-client';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { createProjectorMetrics } from '../../src/projector/metrics.js';
import { readProgress } from '../../src/read-models/progress.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { createTelling } from './telling.js';

const { told, logger } = createTelling();

t.test('the first scrape shows how far every projection is', async (t) => {
  const { pool } = await createTestDatabase(t);
  const head = await fillLog(pool, fixtureBodies().slice(0, 20));
  await fillReadModels({ log: pool }, { head: head - 5 });
  const registry = new Registry();
  createProjectorMetrics(registry, pool, pool, logger);
  const shown = await registry.metrics();
  for (const { name } of PROJECTIONS) {
    t.match(shown, `hookfold_projection_position{projection="${name}"} 15\n`);
    t.match(shown, `hookfold_projection_lag_events{projection="${name}"} 5\n`);
    t.match(shown, new RegExp(`hookfold_projection_lag_seconds\\{projection="${name}"\\} [0-9.]+`));
    t.match(shown, `hookfold_projection_parked{projection="${name}"} 0\n`);
  }
});

t.test('where the database is away the scrape shows what is counted in memory', async (t) => {
  const { pool } = await createTestDatabase(t);
  await pool.query('DROP SCHEMA projector CASCADE');
  const registry = new Registry();
  createProjectorMetrics(registry, pool, pool, logger);
  const shown = await registry.metrics();
  t.match(shown, 'hookfold_projection_events_total');
  t.notMatch(shown, /hookfold_projection_position\{/);
  t.match(told, [{ level: 40, err: { message: /does not exist/ }, msg: /missing in the metrics/ }]);
});

t.test(
  'where the next event is missing, a fault is shown, and the age of the first that is there',
  async (t) => {
    const { database, detach } = await createPartitionedLog(t);
    const { pool } = database;
    await fillLog(pool, fixtureBodies().slice(0, 3 * SIZE));
    await fillReadModels({ log: pool }, { head: SIZE });
    for (const { fault } of await readProgress(pool, pool)) t.equal(fault, null);
    await detach(1 + SIZE);
    for (const { fault, lag_seconds } of await readProgress(pool, pool)) {
      t.match(fault, `no event at position ${SIZE + 1},`);
      t.ok(lag_seconds > 0);
    }
    const registry = new Registry();
    createProjectorMetrics(registry, pool, pool, logger);
    const shown = await registry.metrics();
    for (const { name } of PROJECTIONS) t.match(shown, `hookfold_projection_fault{projection="${name}"} 1\n`);
  },
);
