import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { readHead } from '../../src/log/read-log.js';
import { createSilentWay } from '../support/silent-way.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, assertFolded, BODIES, startProjector } from './projecting.js';

t.test('a projector whose servers vanish without a word follows by new connections', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const [logWay, readWay] = [await createSilentWay(t, database.url), await createSilentWay(t, database.url)];
  const urls = { databaseUrl: logWay.url, readDatabaseUrl: readWay.url };
  await startProjector(t, database, { ...urls, patienceMs: 500, leaseTtlMs: 2000 });
  const followed = async () => {
    const head = await readHead(pool);
    const { rows } = await pool.query('SELECT min(position) AS position, count(*) FROM projector.checkpoint');
    return rows[0].count >= PROJECTIONS.length && rows[0].position === head;
  };
  await appendBodies(pool, BODIES.slice(0, 300));
  await waitFor(followed, { what: 'the first events to be folded' });

  for (const [index, way] of [logWay, readWay].entries()) {
    way.fallSilent();
    await appendBodies(pool, BODIES.slice(300 * (index + 1), 300 * (index + 2)));
    await waitFor(followed, { what: `events to be folded after silence ${index + 1}`, timeoutMs: 30_000 });
  }
  await assertFolded(t, pool);
});
