// Whatever happened, and however it was folded: the rows are the fold of the log.
import fc from 'fast-check';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { readAfter } from '../../src/log/read-log.js';
import { createPool } from '../../src/postgres/connect.js';
import { PIPELINED } from '../../src/postgres/pipeline.js';
import { createFollower, refreshFollower } from '../../src/projector/follower.js';
import { projectRound } from '../../src/projector/project.js';
import { resegment } from '../../src/projector/resegment.js';
import { ensureLiveBuild } from '../../src/read-models/live-build.js';
import { randomWebhook } from '../support/random-webhooks.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendBodies, assertFolded } from './projecting.js';

const step = fc.record({
  bodies: fc.array(randomWebhook, { maxLength: 25 }),
  pageEvents: fc.integer({ min: 1, max: 12 }),
  generationBytes: fc.constantFrom(1, 5000, 1e7),
  segments: fc.option(fc.integer({ min: 1, max: 4 })),
  refresh: fc.boolean(),
});

t.test('any history, in any pages and segments, with restarts, gives the fold of the log', async (t) => {
  const check = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
    const ended: (() => unknown)[] = [];
    const { pool, url } = await createTestDatabase({
      teardown: (end: () => unknown) => ended.push(end),
    } as never);
    const readPool = createPool(url, { max: 2, ...PIPELINED });
    try {
      for (const each of steps) await take(each, { logPool: pool, readPool });
      await assertFolded(t, pool);
    } finally {
      await readPool.end();
      for (const end of ended) await end();
    }
  });
  await fc.assert(check, { numRuns: 8 });
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Pools = Parameters<typeof resegment>[0];

async function take(
  { bodies, pageEvents, generationBytes, segments, refresh }: Step,
  pools: Pools,
): Promise<void> {
  const { logPool, readPool } = pools;
  await appendBodies(logPool, bodies);
  const followers = [];
  for (const projection of PROJECTIONS) {
    let build = (await ensureLiveBuild(readPool, projection))!;
    if (segments && projection.within === 'integration')
      build = await resegment(pools, projection, build, segments);
    followers.push(await createFollower(readPool, projection, build, { generationBytes }));
  }
  const readPage = async (position: number, limit: number) =>
    readAfter(logPool, position, Math.min(limit, pageEvents));
  while ((await projectRound(followers, { readPage, readPool })) > 0)
    if (refresh) await refreshFollower(readPool, followers[0]!);
}
