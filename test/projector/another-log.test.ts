// A log that was restored from an older backup and has grown past the checkpoints, with other events: whoever would go on
// from them stops and says so, and a rebuild makes the rows of the log that there is.
import t from 'tap';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { readAt, readHead } from '../../src/log/read-log.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { retryParked } from '../../src/projector/parked.js';
import type { Pools } from '../../src/projector/pools.js';
import { resegment } from '../../src/projector/resegment.js';
import { verifyProjection } from '../../src/projector/verify/verify-projection.js';
import { findBuild } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { createRebuildingDatabase } from '../rebuild/rebuilding.js';
import { fixtureBodies } from '../support/fill-log.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, BODIES, foldToHead } from './projecting.js';
import { differ, ends, KEPT, LOST, placesOf, restore } from './restored-log.js';

const resource = findProjection('resource');

async function arePlaced({ logPool, readPool }: Pools): Promise<boolean> {
  const head = await readHead(logPool);
  const event = await readAt(logPool, head);
  const places = await placesOf({ pool: readPool } as TestDatabase);
  return places.every(({ position, event_id }) => position === head && event_id === event?.event_id);
}

t.test('read models of another log stand still and are named, until they are rebuilt', async (t) => {
  const { old, log, grow, follow, told, readiness, pools, run } = await restore(t);
  await run('rebuild resource --dry-run', { DATABASE_URL: old.url });
  const before = await placesOf(old);
  await follow();
  await waitFor(() => told(ends).length >= PROJECTIONS.length);
  const ids = [(await readAt(old.pool, KEPT + LOST))!.event_id];
  for (const { err, projections } of told(ends))
    t.same(err!.message.match(ends)!.slice(1), [projections![0], ...ids]);
  t.match(await readiness(), { status: 'not ready', reason: ends });

  await grow();
  ids.push((await readAt(log.pool, KEPT + LOST))!.event_id);
  await waitFor(() => told(differ).length >= PROJECTIONS.length);
  t.same(
    told(differ)
      .flatMap(({ projections }) => projections)
      .slice(0, PROJECTIONS.length)
      .sort(),
    PROJECTIONS.map(({ name }) => name).sort(),
  );
  for (const { err, projections } of told(differ))
    t.same(err!.message.match(differ)!.slice(1), [projections![0], ...ids]);
  t.match(await readiness(), { status: 'not ready', reason: /hookfold rebuild resource/ });
  t.match(await run('status'), { code: 0, stdout: /resource was folded .* hookfold rebuild resource;/ });
  t.same(await placesOf(old), before, 'nothing was folded');
  for (const projection of PROJECTIONS)
    await t.rejects(
      verifyProjection(projection, pools),
      { code: 'HOOKFOLD_ANOTHER_LOG', message: differ },
      'what was lost is no drift',
    );

  const rebuilt = await run('rebuild');
  t.match(rebuilt, { code: 0, stdout: /resource: swapped in.*\n.*of another log: rows were not compared/ });
  t.match(rebuilt.stderr, /resource begins anew: what was built up to position 100 is of another log/);
  await appendBodies(log.pool, BODIES.slice(1050, 1100));
  await waitFor(() => arePlaced(pools));
  await waitFor(async () => (await readiness()).status === 'ready');
  for (const projection of PROJECTIONS)
    t.match(await verifyProjection(projection, pools), { drifted: 0 }, projection.name);
  t.notMatch((await run('status')).stdout, /another log/);
  t.match(await run('rebuild --rollback resource'), { code: 1, stderr: differ });
});

t.test('a log that is shorter still is no reason for a rebuild to refuse', async (t) => {
  const { old, log, run } = await restore(t);
  t.match(await run('rebuild resource'), { code: 0, stdout: `resource: swapped in at position ${KEPT}` });
  t.match(await run('status'), { stdout: /activity was folded .* this log ends before it/ });
  t.equal((await placesOf(old)).find(({ name }) => name === 'resource')?.position, await readHead(log.pool));
});

t.test('a read model of another log is not split, and its parked events are left', async (t) => {
  const { old, grow, pools } = await restore(t);
  await grow();
  const build = (await findBuild(old.pool, resource, 'live'))!;
  await t.rejects(resegment(pools, resource, build, 3), { code: 'HOOKFOLD_ANOTHER_LOG' });
  await old.pool.query(`INSERT INTO projector.parked VALUES ($1, 90, 'key', 'event', 'reason')`, [
    build.build_id,
  ]);
  await t.rejects(retryParked(pools, [resource]), { code: 'HOOKFOLD_ANOTHER_LOG' });
});

t.test(
  'a checkpoint that does not know its event is not compared, and knows it from its next move',
  async (t) => {
    const { old, grow, follow, pools } = await restore(t);
    await old.pool.query('UPDATE projector.checkpoint SET event_id = NULL');
    await grow();
    await follow();
    await waitFor(() => arePlaced(pools));
  },
);

t.test('a move by older code takes the id away, and nothing else does', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, KEPT));
  await foldToHead(database);
  const [first, second] = (
    await Promise.all(
      PROJECTIONS.slice(0, 2).map(async (projection) =>
        readCheckpoints(pool, (await findBuild(pool, projection, 'live'))!.build_id),
      ),
    )
  ).map(([checkpoint]) => checkpoint!);
  await inTransaction(pool, async (client) => {
    const { build_id, segment, position, revision } = first!;
    const read = [[build_id], [segment], [position], [revision]];
    await client.query('SELECT projector.move_checkpoints($1, $2, $3, $4, $5)', [...read, KEPT + 1]);
  });
  // As older code does at the end of a rebuild.
  await pool.query('UPDATE projector.checkpoint SET position = position + 1 WHERE build_id = $1', [
    second!.build_id,
  ]);
  await pool.query('UPDATE projector.checkpoint SET position = position, revision = revision + 1');
  const event = await readAt(pool, KEPT);
  for (const { build_id } of [first!, second!])
    t.match(await readCheckpoints(pool, build_id), [{ position: KEPT + 1, event_id: null }]);
  const others = (await placesOf(database)).filter(({ position }) => position === KEPT);
  t.equal(others.length, PROJECTIONS.length - 2);
  for (const { event_id } of others) t.equal(event_id, event!.event_id);
});

t.test('a checkpoint knows its event, whatever moved it', async (t) => {
  const database = await createRebuildingDatabase(t, fixtureBodies().slice(0, 1500));
  const { pool, pools, rebuild } = database;
  t.ok(await arePlaced(pools));
  await appendBodies(pool, BODIES.slice(0, 500));
  // The live ones are brought up in the transaction that compares.
  await rebuild(PROJECTIONS, { memoryBytes: 1 });
  t.ok(await arePlaced(pools));
  await resegment(pools, resource, (await findBuild(pool, resource, 'live'))!, 3);
  t.ok(await arePlaced(pools));
  await appendBodies(pool, BODIES.slice(0, 500));
  await foldToHead(database);
  t.ok(await arePlaced(pools));
});
