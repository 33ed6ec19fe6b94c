// Verification finds what was written behind the projector's back, and nothing else, while everything runs.
import t, { type Test } from 'tap';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { createPool } from '../../src/postgres/connect.js';
import { createFollower } from '../../src/projector/follower.js';
import { projectRound } from '../../src/projector/project.js';
import { createPageReader } from '../../src/projector/read-page.js';
import { resegment } from '../../src/projector/resegment.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { sampleKeys } from '../../src/projector/verify/sample-keys.js';
import { verifyKey, verifyProjection } from '../../src/projector/verify/verify-projection.js';
import { findBuild, tableOf } from '../../src/read-models/build.js';
import { rebuildIn } from '../rebuild/rebuilding.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { updated } from '../support/query-webhooks.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendBodies, BODIES, foldToHead, startProjector } from './projecting.js';

const resource = findProjection('resource');

t.test('untouched rows are no drift, also while a projector folds', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const service = await startProjector(t, database, { pageEvents: 50 });
  await appendBodies(pool, BODIES.slice(0, 1500));
  await service.untilHead();
  const appending = appendBodies(pool, BODIES.slice(1500, 4000));
  const options = { logPool: pool, readPool: pool };
  for (const projection of PROJECTIONS)
    t.match(await verifyProjection(projection, options), { drifted: 0 }, projection.name);
  await appending;
  await service.untilHead();
  for (const projection of PROJECTIONS) {
    const { checked, drifted } = await verifyProjection(projection, options);
    t.ok(checked > 0 && drifted === 0, projection.name);
  }
});

t.test('rows that were changed, removed and added by hand are found and named', async (t) => {
  const { pool } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies());
  await fillReadModels({ log: pool });
  const table = tableOf((await findBuild(pool, resource, 'live'))!);
  const keys = await pool.query(
    `SELECT integration_id, type, resource_id FROM ${table} ORDER BY random() LIMIT 2`,
  );
  const [changed, removed] = keys.rows;
  const where = 'WHERE integration_id = $1 AND type = $2 AND resource_id = $3';
  await pool.query(`UPDATE ${table} SET update_count = 99 ${where}`, Object.values(changed));
  await pool.query(`DELETE FROM ${table} ${where}`, Object.values(removed));
  await pool.query(
    `INSERT INTO ${table} SELECT (jsonb_populate_record(t, '{"integration_id": "nobody"}')).* FROM ${table} t LIMIT 1`,
  );
  const options = { logPool: pool, readPool: pool };
  const { drifted, sample } = await verifyProjection(resource, options);
  t.equal(drifted, 3);
  t.match(
    sample.find(({ kind }) => kind === 'changed'),
    { key: changed, columns: { update_count: { before: 99 } } },
  );
  t.match(sample.find(({ kind }) => kind === 'added')?.key, removed, 'the log has it, the table has not');
  t.match(sample.find(({ kind }) => kind === 'removed')?.key, { integration_id: 'nobody' });
  t.match(await verifyProjection(resource, { ...options, sample: 50 }), { checked: 50 });
  t.match(await verifyProjection(findProjection('activity'), options), { drifted: 0 });
});

t.test('a large integration is verified page by page, none of its rows twice or not at all', async (t) => {
  const { pool } = await createTestDatabase(t);
  await fillLog(
    pool,
    Array.from({ length: 400 }, (_, n) => updated(`r${n % 170}`, n)),
  );
  await fillReadModels({ log: pool });
  const table = tableOf((await findBuild(pool, resource, 'live'))!);
  await pool.query(`DELETE FROM ${table} WHERE resource_id = 'r7'`);
  await pool.query(`UPDATE ${table} SET resource_id = 'nothing' WHERE resource_id = 'r150'`);
  const reached = [0];
  const onProgress = (checked: number) => void reached.push(checked);
  const verdict = await verifyProjection(resource, { logPool: pool, readPool: pool, onProgress });
  t.match(verdict, { checked: 171, drifted: 3 });
  const pages = reached.slice(1).map((checked, index) => checked - reached[index]!);
  t.ok(Math.max(...pages) <= 50, pages.join());
});

/**
 * Verifies a read model of some pages, with one connection to the read models; after `page` of them that is held while the
 * read model is rebuilt and swapped so many `times`.
 */
async function verifySwapped(
  t: Test,
  name: string,
  { page, times, sample }: { page: number; times: number; sample?: number },
) {
  const { pool, url } = await createTestDatabase(t);
  await fillLog(
    pool,
    Array.from({ length: 400 }, (_, n) => updated(`r${n % 170}`, n)),
  );
  await fillReadModels({ log: pool });
  const readPool = createPool(url, { max: 1 });
  t.teardown(() => readPool.end());
  const projection = findProjection(name);
  let pages = 0;
  let swapped: Promise<void> | undefined;
  const onProgress = () => {
    if (++pages !== page) return;
    // Asked for before the next page asks: that waits until the swaps are done.
    swapped = readPool.connect().then(async (client) => {
      try {
        for (let time = 0; time < times; time++) await rebuildIn(pool)([projection]);
      } finally {
        client.release();
      }
    });
  };
  const options = { logPool: pool, readPool, onProgress, ...(sample ? { sample } : {}) };
  const outcome = await verifyProjection(projection, options).catch((error: Error) => error);
  await swapped;
  t.equal(pages >= page, true);
  return { outcome, pages };
}

t.test('where the table is swapped meanwhile it says so, and gives no verdict', async (t) => {
  const error = { message: /resource_v1_\d+\) was swapped meanwhile for resource_v1_\d+; verify again/ };
  const early = await verifySwapped(t, 'resource', { page: 1, times: 1 });
  t.match(early, { outcome: error, pages: 1 }, 'at the next page, not at the end');
  const dropped = await verifySwapped(t, 'resource', { page: 1, times: 2 });
  t.match(dropped.outcome, error, 'the table is gone');
  const late = await verifySwapped(t, 'resource', { page: 4, times: 1 });
  t.match(late.outcome, error, 'behind the last page');
  const whole = await verifySwapped(t, 'activity', { page: 1, times: 1 });
  t.match(whole.outcome, { message: /was swapped meanwhile/ }, 'a read model that is compared whole');
});

t.test('of a read model whose keys lie in no integration a sample is all of it, as help tells', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies());
  await fillReadModels({ log: pool });
  const run = async (...args: string[]) =>
    (await runProgram(t, ['verify', 'projections', ...args], { DATABASE_URL: url }).exit).stdout;
  const whole = PROJECTIONS.filter(({ within }) => within === 'log').map(({ name }) => name);
  const verdicts = JSON.parse(await run('--sample', '1', '--json'));
  for (const { projection, checked } of verdicts)
    if (whole.includes(projection)) t.ok(checked > 1, `${projection}: ${checked}`);
    else t.equal(checked, 1, projection);
  const help = (await run('--help')).replaceAll(/\s+/g, ' ');
  t.match(
    help,
    `${whole.join(', ')}: their keys lie in no integration, so they are compared whole, with --sample`,
  );
});

t.test('a sample is as large as it was asked for, however few blocks a table has', async (t) => {
  const { pool, superuserUrl } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies());
  await fillReadModels({ log: pool }, { projections: [resource] });
  const superuser = createPool(superuserUrl, { max: 1 });
  // What it is believed to have: a block of it is less than a sample takes.
  await superuser.query(
    "UPDATE pg_class SET reltuples = 1e9 WHERE relname LIKE 'resource_v%' AND relkind = 'r'",
  );
  await superuser.end();
  const options = { logPool: pool, readPool: pool };
  for (const sample of [1, 40])
    for (let time = 0; time < 5; time++)
      t.match(await verifyProjection(resource, { ...options, sample }), { checked: sample, drifted: 0 });
});

t.test('of more rows than may be held in memory it says what compares them', async (t) => {
  const { pool } = await createTestDatabase(t);
  await fillLog(pool, fixtureBodies().slice(0, 500));
  const activity = findProjection('activity');
  await fillReadModels({ log: pool }, { projections: [activity] });
  const table = tableOf((await findBuild(pool, activity, 'live'))!);
  const { rows } = await pool.query(`SELECT count(*) AS count FROM ${table}`);
  const verify = (mostRows: number) =>
    verifyProjection(activity, { logPool: pool, readPool: pool, mostRows });
  t.match(await verify(rows[0].count), { checked: rows[0].count, drifted: 0 });
  const error = { code: 'HOOKFOLD_TOO_MANY_ROWS', message: /hookfold rebuild activity --dry-run/ };
  await t.rejects(verify(rows[0].count - 1), error);
  await pool.query(`DELETE FROM ${table}`);
  await t.rejects(verify(rows[0].count - 1), error, 'of what the log gives, too');
});

t.test('a build that is split anew meanwhile is no drift', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const pools = { logPool: pool, readPool: pool };
  await appendBodies(pool, BODIES.slice(0, 500));
  await foldToHead(database);
  const before = (await findBuild(pool, resource, 'live'))!;
  const split = await resegment(pools, resource, before, 3);
  await appendBodies(pool, BODIES.slice(500, 2500));
  const follower = await createFollower(pool, resource, split, { generationBytes: 1e6 });
  follower.checkpoints = follower.checkpoints.filter(({ segment }) => segment > 0);
  const readPage = createPageReader({ readRun: createRunReader(pool), pageEvents: 3000, pageBytes: 1e7 });
  await projectRound([follower], { readPage, readPool: pool });
  const keys = await sampleKeys(resource, before, pools, 100);
  t.equal(keys.length, 100);
  for (const key of keys) t.same((await verifyKey(resource, before, key, pools)).differences, []);
});
