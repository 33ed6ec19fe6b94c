// Read models that cannot be followed for a reason of their own: it is told, and the others do not wait.
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { activity } from '../../projections/activity/projection.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { retryParked } from '../../src/projector/parked.js';
import { findBuild } from '../../src/read-models/build.js';
import { readProgress } from '../../src/read-models/progress.js';
import { rebuildIn } from '../rebuild/rebuilding.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, areAtHead, assertFolded, BODIES, foldToHead } from './projecting.js';
import { startTelling } from './telling.js';

const resource = findProjection('resource');
const others = PROJECTIONS.filter((projection) => projection !== resource);

/** `activity` under another name, with this SQL for its table. */
function brokenBy(t: Pick<Test, 'testdir'>, sql: string) {
  const folder = pathToFileURL(`${t.testdir({ 'table.sql': sql })}/`);
  return { ...activity, name: 'broken', folder };
}

t.test('a read model whose table cannot be made does not hold the others up', async (t) => {
  const database = await createTestDatabase(t);
  await appendBodies(database.pool, BODIES.slice(0, 100));
  const broken = brokenBy(t, 'CREATE TABLE :table (day no_such_type)');
  const { service, readiness, errors } = await startTelling(t, database, { projections: [broken, activity] });
  await waitFor(() => areAtHead(database, [activity]));
  t.match(errors(), [
    { projections: ['broken'], err: { message: /no_such_type/ }, msg: /cannot be followed/ },
  ]);
  t.match(await readiness(), { status: 'not ready', reason: /broken cannot go on: .*no_such_type/ });
  await t.rejects(service.untilHead(), /broken cannot go on: .*no_such_type/);
  await appendBodies(database.pool, BODIES.slice(100, 200));
  await waitFor(() => areAtHead(database, [activity]));
  t.match(await readiness(), { reason: /broken/ });
});

t.test('a read model whose checkpoint was deleted is told of until it is rebuilt', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, 100));
  await foldToHead(database);
  const { build_id } = (await findBuild(pool, resource, 'live'))!;
  await pool.query('DELETE FROM projector.checkpoint WHERE build_id = $1', [build_id]);
  const { told, readiness, errors } = await startTelling(t, database);
  await appendBodies(pool, BODIES.slice(100, 200));
  await waitFor(() => areAtHead(database, others));
  const missing = 'expected 1 checkpoints of resource, found 0';
  t.match(errors(), [{ projections: ['resource'], err: { message: missing } }]);
  t.match(await readiness(), { reason: /hookfold rebuild resource/ });
  t.notOk(told.some(({ msg }) => /was faster/.test(msg)));
  await pool.query(
    `INSERT INTO projector.parked (build_id, position, key_id, event, reason) VALUES ($1, 1, '', '', '')`,
    [build_id],
  );
  const progress = (await readProgress(pool, pool)).find(({ name }) => name === 'resource');
  t.match(progress, { position: 0, segments: [], fault: missing });
  const pools = { logPool: pool, readPool: pool };
  await t.rejects(retryParked(pools, [resource]), { code: 'HOOKFOLD_CHECKPOINTS_MISSING' });
  t.match((await rebuildIn(pool)([resource])).get('resource'), { kind: 'swapped' });
  await waitFor(() => areAtHead(database, PROJECTIONS));
  await waitFor(async () => (await readiness()).status === 'ready');
  await assertFolded(t, pool);
});

t.test('a database that is not migrated for this code is told, with what to do', async (t) => {
  const database = await createTestDatabase(t);
  await appendBodies(database.pool, BODIES.slice(0, 10));
  await database.pool.query('DROP TABLE projector.discarded, projector.rebuild_progress');
  const { readiness } = await startTelling(t, database);
  await waitFor(async () => /discarded.*hookfold migrate/.test((await readiness()).reason ?? ''));
  const { code, stderr } = await runProgram(t, ['status'], { DATABASE_URL: database.url }).exit;
  t.match({ code, stderr }, { code: 1, stderr: /rebuild_progress.* does not exist.*hookfold migrate/ });
});
