// A log that is replaced by one restored from an older backup while projectors run.
import pg from 'pg';
import t from 'tap';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { appendEvents } from '../../src/log/append-events.js';
import { createProjector, type Projector } from '../../src/projector/projector.js';
import { findBuild } from '../../src/read-models/build.js';
import type { Checkpoint } from '../../src/read-models/checkpoint.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, areAtHead, assertFolded, BODIES, foldToHead, partsOf } from './projecting.js';
import { differ, ends, KEPT, LOST, placesOf, restore } from './restored-log.js';

const resource = findProjection('resource');
const others = PROJECTIONS.filter((projection) => projection !== resource);

t.test('a projector that runs while the log is restored notices', async (t) => {
  const { old, log, events, grow, follow, told, readiness } = await restore(t);
  const place = await createTestDatabase(t);
  await appendEvents(place.pool, events);
  await grow();
  await follow({ databaseUrl: place.url });
  await waitFor(async () => (await readiness()).status === 'ready');
  const superuser = new pg.Client({ connectionString: old.superuserUrl });
  await superuser.connect();
  for (const { name } of [place, log])
    await superuser.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await superuser.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY ($1)', [
    [place.name, log.name],
  ]);
  const gone = `${place.name}_gone`;
  for (const [from, to] of [
    [place.name, gone],
    [log.name, place.name],
    [gone, log.name],
  ])
    await superuser.query(`ALTER DATABASE ${from} RENAME TO ${to}`);
  for (const { name } of [place, log]) await superuser.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await superuser.end();
  await waitFor(() => told(differ).length >= PROJECTIONS.length);
  for (const { position } of await placesOf(old)) t.equal(position, KEPT + LOST);
});

const ENDS: Record<string, (projector: Projector) => void> = {
  'a connection to it has ended': (projector) => projector.logLeft(),
  'a round has failed': () => {
    throw new Error('nothing can be read for a while');
  },
};

for (const [what, end] of Object.entries(ENDS))
  t.test(`what was read ahead of a log is not folded once ${what}`, async (t) => {
    const { old, log, grow } = await restore(t);
    await grow();
    let pool = old.pool;
    const parts = partsOf(log, { logPool: () => pool, pageEvents: KEPT / 2 });
    async function update(): Promise<void> {
      const isRestored = pool === old.pool && parts.readPage.isAhead!(KEPT);
      if (isRestored) pool = log.pool;
      if (isRestored) end(projector);
      await parts.roster.update();
    }
    // One page a round, so that a round begins where the logs part.
    const projector = createProjector({ ...parts, roster: { ...parts.roster, update }, leaseTtlMs: 0 });
    t.teardown(() => projector.stop());
    await projector.start();
    await waitFor(() => areAtHead(log, PROJECTIONS));
    t.equal(pool, log.pool);
    await assertFolded(t, log.pool);
  });

t.test('a log that ends before the read models is told as another log wherever it is noticed', async (t) => {
  const { old, log, logger, told } = await restore(t);
  let pool = old.pool;
  const projector = createProjector({ ...partsOf(old, { logPool: () => pool }), logger });
  t.teardown(() => projector.stop());
  await projector.start();
  await projector.untilHead();
  pool = log.pool;
  await waitFor(() => told(ends).length >= PROJECTIONS.length);
  t.equal(told(/./).length, told(ends).length, 'it is told in no other way');
  t.throws(() => projector.assertReading(), ends);
  pool = old.pool;
  await waitFor(() => {
    projector.assertReading();
    return true;
  });
});

t.test('those that stand where the log ends do not wait for the ones it ends before', async (t) => {
  const { old, log, logger, told } = await restore(t);
  await old.pool.query(`UPDATE projector.checkpoint SET position = $1 WHERE build_id <> $2`, [
    KEPT,
    (await findBuild(old.pool, resource, 'live'))!.build_id,
  ]);
  const parts = partsOf(old, { logPool: () => log.pool });
  let isRestored = false;
  async function findMismatches(checkpoints: readonly Checkpoint[]) {
    if (isRestored) return parts.findMismatches(checkpoints);
    isRestored = true;
    return [];
  }
  const projector = createProjector({ ...parts, findMismatches, logger });
  t.teardown(() => projector.stop());
  await projector.start();
  await waitFor(() => told(/./).length > 0);
  await appendBodies(log.pool, BODIES.slice(1000, 1010));
  const places = async () => (await placesOf(old)).filter(({ name }) => name !== 'resource');
  await waitFor(async () => (await places()).every(({ position }) => position === KEPT + 10));
  for (const line of told(/./)) t.match(line, { projections: ['resource'], err: { message: ends } });
});

t.test('a read model that waits for a missing event is told of another log in its place', async (t) => {
  const { old, log, logger, told } = await restore(t);
  await appendBodies(old.pool, BODIES.slice(500, 520));
  await foldToHead(old, { projections: others });
  await old.pool.query('ALTER TABLE event_log DETACH PARTITION event_log_1');
  let pool = old.pool;
  const projector = createProjector({ ...partsOf(old, { logPool: () => pool }), logger });
  t.teardown(() => projector.stop());
  await projector.start();
  await waitFor(() => told(/no event at position 101,/).length > 0);
  pool = log.pool;
  projector.logLeft();
  await waitFor(() => told(ends).length > 0);
  t.match(told(ends), [{ projections: ['resource'] }]);
  t.throws(() => projector.assertReading(), ends);
});
