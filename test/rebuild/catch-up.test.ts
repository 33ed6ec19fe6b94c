// What is behind when a rebuild comes to its end is brought up before the transaction that holds the live build.
import t from 'tap';
import { integration } from '../../projections/integration/projection.js';
import { readAfter } from '../../src/log/read-log.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createLocalLoader } from '../../src/projector/rebuild/local-loader.js';
import type { Loader } from '../../src/projector/rebuild/rebuild.js';
import { resegment } from '../../src/projector/resegment.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { findServed } from '../../src/read-models/build.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { waitFor } from '../support/wait-for.js';
import { createRebuildingDatabase } from './rebuilding.js';

t.test(
  'segments of the live build on both sides of the new one are brought up, not asked for again',
  async (t) => {
    const { pool, pools, head, rebuild } = await createRebuildingDatabase(t);
    const live = await resegment(pools, integration, (await findServed(pool, 'integration'))!, 2);
    await rebuild([integration], { dryRun: true });
    const parts = { readPool: pool, readRun: createRunReader(pool), memoryBytes: 200_000, pageEvents: 100 };
    // So few that the load before leaves them to the end.
    const ahead = await fillLog(pool, fixtureBodies().slice(0, 600));
    const loadFirst = createLocalLoader({ ...parts, owns: (_, segment) => segment === 0 });
    await loadFirst([{ projection: integration, build: live }], ahead, () => {});

    const loads: [number, number][] = [];
    const load: Loader = (builds, to, onProgress) => {
      loads.push([builds[0]!.build.build_id, to]);
      return createLocalLoader(parts)(builds, to, onProgress);
    };
    const seen: number[] = [];
    const outcomes = await rebuild([integration], {
      load,
      catchUpLimit: 500,
      onProgress: ({ position }) => void seen.push(position),
    });
    t.match(outcomes.get('integration'), { kind: 'swapped', position: ahead, drift: false });
    t.equal(loads.length, 2, 'each is brought up once');
    t.ok(loads.every(([, to]) => to === ahead));
    t.ok(loads.some(([build]) => build === live.build_id));
    t.ok(seen.length > 0 && seen.every((position) => position > head), 'and yields to live work on the way');
  },
);

t.test('a live build that is split at that moment is compared all the same', async (t) => {
  const { pool, head, rebuild } = await createRebuildingDatabase(t);
  const { build_id } = (await findServed(pool, 'integration'))!;
  const { event_id } = (await readAfter(pool, head - 1, 1))[0]!;
  await rebuild([integration], { dryRun: true });
  const isWaitedFor = async () => {
    const { rows } = await pool.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  };
  // As `resegment` does, while the end of the rebuild waits for it.
  const { rebuilding } = await inTransaction(pool, async (client) => {
    await client.query('SELECT FROM projector.checkpoint WHERE build_id = $1 FOR UPDATE', [build_id]);
    const begun = rebuild([integration]);
    begun.catch(() => {});
    await waitFor(isWaitedFor);
    await client.query('DELETE FROM projector.checkpoint WHERE build_id = $1', [build_id]);
    await client.query(
      `INSERT INTO projector.checkpoint (build_id, segment, position, event_id, revision)
       SELECT $1, generate_series(0, 1), $2, $3, 9`,
      [build_id, head, event_id],
    );
    await client.query('UPDATE projector.build SET segments = 2 WHERE build_id = $1', [build_id]);
    return { rebuilding: begun };
  });
  const outcome = (await rebuilding).get('integration');
  t.match(outcome, { kind: 'swapped', drift: false, comparison: { added: 0 } });
});
