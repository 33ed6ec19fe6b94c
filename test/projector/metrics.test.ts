import { Registry } from 'prom-client';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { createProjectorMetrics } from '../../src/projector/metrics.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('the first scrape shows how far every projection is', async (t) => {
  const { pool } = await createTestDatabase(t);
  const head = await fillLog(pool, fixtureBodies().slice(0, 20));
  await fillReadModels({ log: pool }, { head: head - 5 });
  const registry = new Registry();
  createProjectorMetrics(registry, pool, pool);
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
  createProjectorMetrics(registry, pool, pool);
  const shown = await registry.metrics();
  t.match(shown, 'hookfold_projection_events_total');
  t.notMatch(shown, /hookfold_projection_position\{/);
});
