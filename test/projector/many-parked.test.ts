// Projections that park a lot: their keys do not fill the memory, and retries of them hold nobody up for long.
import type pg from 'pg';
import t from 'tap';
import { activity } from '../../projections/activity/projection.js';
import type { EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import { resource } from '../../projections/resource/projection.js';
import { retryParked } from '../../src/projector/parked.js';
import { type Build, findBuild } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, areAtHead, assertFolded, BODIES, foldToHead, parkedOf } from './projecting.js';
import { startTelling } from './telling.js';

function throwing(projection: object): EventProjection<never> {
  const evolve = () => {
    throw new Error('no');
  };
  return { ...projection, evolve } as unknown as EventProjection<never>;
}

const faulty = throwing(resource);

/** Parks one event of so many keys that no event of the log is of. */
async function parkKeys(pool: pg.Pool, { build_id }: Build, keys: number): Promise<void> {
  await pool.query(
    `INSERT INTO projector.parked (build_id, position, key_id, event, reason)
     SELECT $1, -n, 'key ' || n, 'an event', 'a reason' FROM generate_series(1, $2::int) n`,
    [build_id, keys],
  );
}

t.test('a read model that parks too many keys is left out, and the others go on', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const projections = [faulty, activity];
  await foldToHead(database, { projections });
  const build = (await findBuild(pool, faulty, 'live'))!;
  await parkKeys(pool, build, 99_990);
  await appendBodies(pool, BODIES.slice(0, 500));
  const options = { projections, pageEvents: 50 };
  const { service, readiness, errors } = await startTelling(t, database, options);
  await waitFor(() => areAtHead(database, [activity]));
  const many = /version 1 of resource has parked events of more than 100000 keys.*hookfold parked retry/;
  await waitFor(async () => many.test((await readiness()).reason ?? ''));
  t.match(errors().at(-1), { projections: ['resource'], err: { message: many } });
  await t.rejects(service.untilHead(), many);
  await appendBodies(pool, BODIES.slice(500, 600));
  await waitFor(() => areAtHead(database, [activity]));
  t.notOk(await areAtHead(database, [faulty]));

  await pool.query('DELETE FROM projector.parked WHERE position < 0');
  await waitFor(() => areAtHead(database, projections));
  await waitFor(async () => (await readiness()).status === 'ready');
});

t.test('a retry tries what is parked in bounded transactions, in order', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const pools = { logPool: pool, readPool: pool };
  // Of few keys: all of them went into one transaction.
  const counting = throwing(activity);
  const count = await appendBodies(pool, [...BODIES, ...BODIES].slice(0, 4500));
  await foldToHead(database, { projections: [counting] });
  const { build_id } = (await findBuild(pool, counting, 'live'))!;
  const revision = async () => (await readCheckpoints(pool, build_id))[0]!.revision;
  t.same(await retryParked(pools, [counting]), [{ projection: 'activity', folded: 0, parked: count }]);
  t.equal((await parkedOf(pool, [counting])).length, count);
  const before = await revision();
  t.same(await retryParked(pools, [activity]), [{ projection: 'activity', folded: count, parked: 0 }]);
  t.ok((await revision()) - before >= 3, 'three transactions at least');
  await assertFolded(t, pool, [activity]);
});

t.test('all that is parked is listed, however much it is', async (t) => {
  const database = await createTestDatabase(t);
  await appendBodies(database.pool, BODIES.slice(0, 2600));
  await foldToHead(database, { projections: [faulty, throwing(integration)] });
  const { stdout } = await runProgram(t, ['parked', 'list', '--json'], { DATABASE_URL: database.url }).exit;
  const listed = JSON.parse(stdout) as { projection: string; position: number }[];
  const { rows } = await database.pool.query('SELECT count(*) AS count FROM projector.parked');
  t.equal(listed.length, rows[0].count);
  t.ok(listed.length > 2000);
});

t.test('a retry of one read model that fails keeps no other from it', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const pools = { logPool: pool, readPool: pool };
  await appendBodies(pool, BODIES.slice(0, 50));
  await foldToHead(database, { projections: [faulty, throwing(integration)] });
  const { build_id } = (await findBuild(pool, faulty, 'live'))!;
  await pool.query('DELETE FROM projector.checkpoint WHERE build_id = $1', [build_id]);
  const told: string[] = [];
  const retrying = retryParked(pools, [resource, integration], {}, ({ projection }) => told.push(projection));
  await t.rejects(retrying, { code: 'HOOKFOLD_CHECKPOINTS_MISSING' });
  t.same(told, ['integration']);
  const { code, stdout, stderr } = await runProgram(t, ['parked', 'retry', '--json'], {
    DATABASE_URL: database.url,
  }).exit;
  t.match(
    { code, stdout, stderr },
    { code: 1, stdout: '[]\n', stderr: /expected 1 checkpoints of resource/ },
  );
});
