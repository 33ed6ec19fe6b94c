import type pg from 'pg';
import t, { type Test } from 'tap';
import type { Projection } from '../../projections/contract.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { readAfter } from '../../src/log/read-log.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createFollower } from '../../src/projector/follower.js';
import { projectRound } from '../../src/projector/project.js';
import { createPageReader } from '../../src/projector/read-page.js';
import { resegment } from '../../src/projector/resegment.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { type Build, findBuild, tableOf } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { segmentOf } from '../../src/read-models/segment.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, areAtHead, assertFolded, BODIES, foldToHead, startProjector } from './projecting.js';
import { startTelling } from './telling.js';

const resource = findProjection('resource');
const others = PROJECTIONS.filter((projection) => projection !== resource);

/** Folds one segment of `resource` on by so many pages. */
async function foldOn(
  pool: pg.Pool,
  build: Build,
  segment: number,
  { rounds, pageEvents }: { rounds: number; pageEvents: number },
) {
  const follower = await createFollower(pool, resource, build, { generationBytes: 1e6 });
  follower.checkpoints = follower.checkpoints.filter((checkpoint) => checkpoint.segment === segment);
  const readPage = createPageReader({ readRun: createRunReader(pool), pageEvents, pageBytes: 1e6 });
  for (let n = 0; n < rounds; n++) await projectRound([follower], { readPage, readPool: pool });
}

/** A log of two partitions' size, and a build of `resource` in two segments: one at half of it, one at its end. */
async function createApart(t: Test): Promise<{ database: TestDatabase; build: Build }> {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, SIZE));
  await foldToHead(database, { segments: 2 });
  await appendBodies(pool, BODIES.slice(SIZE, 2 * SIZE));
  const build = (await findBuild(pool, resource, 'live'))!;
  await foldOn(pool, build, 1, { rounds: 1, pageEvents: SIZE });
  return { database, build };
}

t.test('segments are split and joined while they stand at different positions', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const pools = { logPool: pool, readPool: pool };
  await appendBodies(pool, BODIES.slice(0, 2500));
  await foldToHead(database, { segments: 3 });
  const split = (await findBuild(pool, resource, 'live'))!;
  t.equal(split.segments, 3);
  // As if the owners of two segments had been away: one for long, one a little.
  await appendBodies(pool, BODIES.slice(2500));
  await foldOn(pool, split, 1, { rounds: 40, pageEvents: 100 });
  await foldOn(pool, split, 2, { rounds: 3, pageEvents: 100 });
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

/** Asserts that `resource` is split, and all is folded, as soon as it can be. */
async function assertSplitLater(
  t: Test,
  database: TestDatabase,
  projector: Awaited<ReturnType<typeof startProjector>>,
) {
  await waitFor(async () => (await findBuild(database.pool, resource, 'live'))!.segments === 3, {
    timeoutMs: 30_000,
  });
  await projector.untilHead();
  await assertFolded(t, database.pool);
}

t.test('a split for which checkpoints are held is made later, and holds nobody up', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, SIZE));
  await foldToHead(database);
  const build = (await findBuild(pool, resource, 'live'))!;
  const projector = await inTransaction(pool, async (client) => {
    await client.query('SELECT FROM projector.checkpoint WHERE build_id = $1 FOR UPDATE', [build.build_id]);
    const started = await startProjector(t, database, { segments: 3 });
    await appendBodies(pool, BODIES.slice(SIZE, 2 * SIZE));
    await waitFor(() => areAtHead(database, others));
    return started;
  });
  await assertSplitLater(t, database, projector);
});

t.test('a split for which events are missing is made once they are there, and holds nobody up', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, SIZE));
  await foldToHead(database, { segments: 2 });
  await appendBodies(pool, BODIES.slice(SIZE, 2 * SIZE));
  await foldToHead(database, { projections: others });
  await foldOn(pool, (await findBuild(pool, resource, 'live'))!, 1, { rounds: 1, pageEvents: SIZE });
  await detach(SIZE + 1);
  const projector = await startProjector(t, database, { segments: 3 });
  await appendBodies(pool, BODIES.slice(2 * SIZE, 3 * SIZE));
  await waitFor(() => areAtHead(database, others));
  t.equal((await findBuild(pool, resource, 'live'))!.segments, 2);
  await attach(SIZE + 1);
  await assertSplitLater(t, database, projector);
});

t.test(
  'a split of what stands apart is made once its table is there again, and holds nobody up',
  async (t) => {
    const { database, build } = await createApart(t);
    const { pool } = database;
    await pool.query(`ALTER TABLE ${tableOf(build)} RENAME TO renamed`);
    const { service, told, readiness } = await startTelling(t, database, { segments: 3 });
    await waitFor(() => areAtHead(database, others));
    t.ok(told.some(({ level, msg }) => level === 40 && /cannot be split/.test(msg)));
    await waitFor(async () =>
      /resource cannot go on: .* does not exist/.test((await readiness()).reason ?? ''),
    );
    await pool.query(`ALTER TABLE read_model.renamed RENAME TO "${build.table_name}"`);
    await assertSplitLater(t, database, service);
  },
);

t.test('a split passes over what was discarded, too', async (t) => {
  const { database, build } = await createApart(t);
  const { pool } = database;
  const given = (await readAfter(pool, SIZE, SIZE)).find(
    (event) => resource.reads.includes(event.event as never) && segmentOf(event, 2) === 0,
  )!;
  await pool.query(
    'INSERT INTO projector.discarded (projection, version, position, event_id, event, reason) VALUES ($1, $2, $3, $4, $5, $6)',
    [resource.name, resource.version, given.position, given.event_id, given.event, 'a fault'],
  );
  const evolve = (row: never, event: { position: number }) => {
    if (event.position === given.position) throw new Error('a fault');
    return resource.evolve(row, event as never);
  };
  const faulty = { ...resource, evolve } as Projection;
  const split = await resegment({ logPool: pool, readPool: pool }, faulty, build, 3);
  t.equal(split.segments, 3);
  t.same((await pool.query('SELECT position, reason FROM projector.parked')).rows, []);
});
