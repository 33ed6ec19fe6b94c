import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { createFollower } from '../../src/projector/follower.js';
import { projectRound } from '../../src/projector/project.js';
import { createPageReader } from '../../src/projector/read-page.js';
import { resegment } from '../../src/projector/resegment.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { findBuild } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendBodies, assertFolded, BODIES, foldToHead } from './projecting.js';

t.test('segments are split and joined while they stand at different positions', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const pools = { logPool: pool, readPool: pool };
  const resource = findProjection('resource');
  await appendBodies(pool, BODIES.slice(0, 2500));
  await foldToHead(database, { segments: 3 });
  const split = (await findBuild(pool, resource, 'live'))!;
  t.equal(split.segments, 3);
  // As if the owners of two segments had been away: one for long, one a little.
  await appendBodies(pool, BODIES.slice(2500));
  for (const [segment, rounds] of [
    [1, 40],
    [2, 3],
  ] as const) {
    const follower = await createFollower(pool, resource, split, { generationBytes: 1e6 });
    follower.checkpoints = follower.checkpoints.filter((checkpoint) => checkpoint.segment === segment);
    const readPage = createPageReader({ readRun: createRunReader(pool), pageEvents: 100, pageBytes: 1e6 });
    for (let n = 0; n < rounds; n++) await projectRound([follower], { readPage, readPool: pool });
  }
  const positions = (await readCheckpoints(pool, split.build_id)).map(({ position }) => position);
  t.same(positions, [2500, BODIES.length, 2800]);
  const [one, five] = await Promise.all([
    resegment(pools, resource, split, 5),
    resegment(pools, resource, split, 5),
  ]);
  t.same([one.segments, five.segments], [5, 5], 'two at once do it once');
  await foldToHead(database);
  await assertFolded(t, pool);
  await foldToHead(database, { segments: 1 });
  t.equal((await findBuild(pool, resource, 'live'))!.segments, 1);
  await appendBodies(pool, BODIES.slice(0, 300));
  await foldToHead(database);
  await assertFolded(t, pool);
});
