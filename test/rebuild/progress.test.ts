// How far a rebuild is, while it goes on: in the checkpoints of its build, and as it tells.
import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { createWorkerLoader } from '../../src/projector/rebuild/worker-loader.js';
import { findBuild } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { buildQuery } from '../support/build-query.js';
import { runProgram } from '../support/run-program.js';
import { waitFor } from '../support/wait-for.js';
import { createRebuildingDatabase, type RebuildingDatabase } from './rebuilding.js';

const activity = findProjection('activity');
const integration = findProjection('integration');

/** The positions at which the checkpoint of a projection's one segment was seen while it was rebuilt. */
async function watchCheckpoint(
  { pool, rebuild }: RebuildingDatabase,
  projection: typeof activity,
  options: Parameters<RebuildingDatabase['rebuild']>[1],
): Promise<number[]> {
  const seen = new Set<number>();
  await rebuild([projection], {
    ...options,
    memoryBytes: 100_000_000,
    async onProgress() {
      const build = (await findBuild(pool, projection, 'building'))!;
      seen.add((await readCheckpoints(pool, build.build_id))[0]!.position);
    },
  });
  return [...seen];
}

t.test('few rows are written by and by too, so that a rebuild that is killed goes on there', async (t) => {
  const database = await createRebuildingDatabase(t);
  const seen = await watchCheckpoint(database, activity, { writeEveryMs: 0, pageEvents: 500 });
  t.ok(seen.length > 5, seen.join());
});

t.test('events that cannot be read are written before they are many', async (t) => {
  const unreadable = { event: 'integration_installed', payload: { id: 1 } };
  const database = await createRebuildingDatabase(t, Array(7000).fill(unreadable));
  const options = { writeEveryMs: Number.POSITIVE_INFINITY, pageEvents: 500 };
  const seen = await watchCheckpoint(database, integration, options);
  t.ok(seen.includes(5000), seen.join());
  const { rows } = await database.pool.query(
    "SELECT count(*) FROM read_model.unreadable WHERE projection = 'integration'",
  );
  t.same(rows, [{ count: 7000 }]);
});

t.test('workers that have nothing to load are no reason to be at 0', async (t) => {
  const { url, head, rebuild } = await createRebuildingDatabase(t);
  const options = { workers: 2, memoryBytes: 1_000_000, pageEvents: 100 };
  const seen: number[] = [];
  await rebuild([activity], {
    ...options,
    load: createWorkerLoader({ databaseUrl: url, readDatabaseUrl: url, ...options }),
    onProgress: ({ position }) => void seen.push(position),
  });
  t.equal(seen.at(-1), head);
  t.notOk(seen.includes(0), seen.join());
});

t.test('a rebuild under way is shown with its rate, though it has written nothing yet', async (t) => {
  const query = await buildQuery(t);
  const { pool, url, rebuild } = await createRebuildingDatabase(t, undefined, query.database);
  const ask = async () => {
    const { items } = (await query.get('/v1/projections')).json;
    return items.find(({ name }: { name: string }) => name === 'activity');
  };
  let shown: unknown;
  let said = '';
  await rebuild([activity], {
    memoryBytes: 100_000_000,
    async onProgress({ position }) {
      if (shown || position < 1000) return;
      await waitFor(async () => (await ask()).rebuild.position === position);
      shown = await ask();
      said = (await runProgram(t, ['status'], { DATABASE_URL: url }).exit).stdout;
    },
  });
  const rebuilding = { running: true, events_left: Number, events_per_second: Number, eta_seconds: Number };
  t.match(shown, { lag_events: 0, rebuild: rebuilding });
  t.match(said, /activity .* v1: \d+ events left, \d+\/s, ETA \d+ s/);
  t.equal((await pool.query('SELECT FROM projector.rebuild_progress')).rowCount, 0, 'until it ends');
});
