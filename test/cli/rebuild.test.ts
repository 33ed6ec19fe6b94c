// Rebuild, verify and diff as they are typed: what is said, what is served, and how the command ends.
import pino from 'pino';
import t, { type Test } from 'tap';
import { findProjection } from '../../projections/index.js';
import { holdRebuild } from '../../src/projector/rebuild/hold.js';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { findBuild, findServed } from '../../src/read-models/build.js';
import { createRebuildingDatabase } from '../rebuild/rebuilding.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { runProgram } from '../support/run-program.js';
import { waitFor } from '../support/wait-for.js';

const resource = findProjection('resource');

async function setUp(t: Test) {
  const database = await createRebuildingDatabase(t, fixtureBodies().slice(0, 1500));
  const { url, pool } = database;
  const run = (...args: string[]) => runProgram(t, args, { DATABASE_URL: url, LOG_LEVEL: 'warn' }).exit;
  const served = async () => (await findServed(pool, 'resource'))!.table_name;
  return { ...database, run, served };
}

t.test('a dry run, its discard, a rebuild and its way back', async (t) => {
  const { pool, head, run, served, rebuild } = await setUp(t);
  const first = await served();
  t.match(await run('rebuild', 'resource', 'resource', '--dry-run'), {
    code: 0,
    stdout: new RegExp(
      `resource: not swapped at position ${head}\n  (\\d+) rows served, \\1 rebuilt: the same, row by row`,
    ),
    stderr: /reading the log .*\n(.*\n)*rebuild: comparing/,
  });
  const { stdout } = await run('status', '--json');
  const status = JSON.parse(stdout).projections.find(({ name }: { name: string }) => name === 'resource');
  t.match(status, { position: head, rebuild: { version: 1, position: head, events_left: 0 } });
  t.match(status, { rebuild: { running: false } });
  t.match(await run('status'), { stdout: new RegExp(`resource .* v1: left behind at ${head}`) });
  t.equal(await served(), first);

  const running = await holdRebuild(pool, [resource], { logger: pino({ level: 'silent' }) });
  t.match(await run('rebuild', '--discard'), { code: 1, stderr: /a rebuild of resource is running already/ });
  t.match(await run('status'), { stdout: /resource .* v1: 0 events left/ });
  await running.release();
  t.match(await run('rebuild', 'resource', '--dry-run'), {
    stderr: new RegExp(`rebuild: resource goes on from position ${head}; rebuild --discard begins anew`),
  });
  t.match(await run('rebuild', 'resource', '--dry-run', '--workers', '2'), {
    stderr:
      /resource goes on from position \d+ \(segments: 1; more workers are of no use to it\); rebuild --discard/,
  });
  t.match(JSON.parse((await run('rebuild', '--discard', '--json')).stdout), [{ projection: 'resource' }]);

  await rebuild([resource], { dryRun: true, code: 'other' });
  t.match(await run('rebuild', 'resource', '--workers', '2'), {
    code: 0,
    stdout: /resource: swapped in/,
    stderr: new RegExp(`resource begins anew: what was built up to position ${head} is of other code`),
  });
  t.not(await served(), first);
  t.match(await run('rebuild', '--rollback', 'resource'), {
    code: 0,
    stdout: `resource is served from ${first} again (version 1)\n`,
  });
  t.equal(await served(), first);
  t.match(await run('rebuild', '--rollback', 'resource'), { code: 1, stderr: /no earlier table/ });
  await rebuild([resource]);
  const both = await run('rebuild', '--rollback', 'resource', 'activity', '--json');
  t.match(both, { code: 1, stderr: /activity has no earlier table/ });
  t.match(JSON.parse(both.stdout), [{ projection: 'resource', table_name: await served() }]);
});

t.test('what means nothing to a rollback or a discard is refused, and nothing is done', async (t) => {
  const { pool, run, served, rebuild } = await setUp(t);
  await rebuild([resource]);
  await rebuild([resource], { dryRun: true });
  const table = await served();
  for (const options of [
    ['--rollback', '--dry-run'],
    ['--rollback', '--discard'],
    ['--discard', '--dry-run'],
    ['--discard', '--yes'],
    ['--rollback', '--workers', '2'],
  ])
    t.match(await run('rebuild', 'resource', ...options), { code: 1, stderr: /cannot be used with/ });
  t.equal(await served(), table);
  t.ok(await findBuild(pool, resource, 'building'));
});

t.test(
  'drift is named by verify and by a rebuild, ends them with 1, and is put right by --yes',
  async (t) => {
    const { pool, run, served } = await setUp(t);
    const first = await served();
    await pool.query(
      `UPDATE read_model."${first}" SET update_count = 99 WHERE ctid = (SELECT min(ctid) FROM read_model."${first}")`,
    );
    const named = /~ .+ \/ .+ \/ .+\n\s+update_count: 99 → \d+/;
    const verified = await run('verify', 'projections', 'resource', 'activity');
    t.match(verified, { code: 1, stdout: named });
    t.match(
      verified.stdout,
      /resource: \d+ keys checked, 1 DRIFTED[\s\S]*activity: \d+ keys checked, no drift/,
    );
    const rebuilt = await run('rebuild', 'resource', '--diff');
    t.match(rebuilt, { code: 1, stdout: /1 changed \(update_count 1\)\n {2}DRIFT/ });
    t.match(rebuilt.stdout, named);
    t.equal(await served(), first);
    t.match(await run('rebuild', 'resource', '--yes'), { code: 0, stdout: /swapped in/ });
    t.not(await served(), first);
  },
);

t.test('what changed between two positions is printed row by row', async (t) => {
  const { head, run } = await setUp(t);
  const told = await run('diff', 'resource', '--from', '1000');
  const [, added, , changed] = told.stdout.match(/^(\d+) added, (\d+) removed, (\d+) changed$/m)!.map(Number);
  t.ok(added! > 0 && changed! > 0);
  const range = ['--from', '1000', '--to', String(head)];
  const lines = (await run('diff', 'resource', ...range, '--json')).stdout.trim().split('\n');
  const changes = lines.map((line) => JSON.parse(line));
  t.equal(changes.filter(({ change }) => change === 'added').length, added);
  t.equal(changes.filter(({ change }) => change === 'changed').length, changed);
  const [id] = changes[0].key;
  const one = ['--integration', id.replaceAll('-', '')];
  t.same(
    (await run('diff', 'resource', ...range, ...one, '--json')).stdout.trim().split('\n'),
    lines.filter((line) => JSON.parse(line).key[0] === id),
  );
});

for (const [which, first] of [
  ['first', 1],
  ['middle', 1 + SIZE],
  ['last', 1 + 2 * SIZE],
] as const)
  t.test(`verify and diff of a log that lacks its ${which} events say so, and no difference`, async (t) => {
    const { database, detach } = await createPartitionedLog(t);
    await fillLog(database.pool, fixtureBodies().slice(0, 3 * SIZE));
    await fillReadModels({ log: database.pool });
    await detach(first);
    const run = (...args: string[]) => runProgram(t, args, { DATABASE_URL: database.url }).exit;
    const missing = new RegExp(`no event at position ${first}, .*Attach the partition`);
    for (const name of ['activity', 'resource'])
      for (const outcome of await Promise.all([
        run('diff', name, '--from', '50', '--to', String(3 * SIZE)),
        run('verify', 'projections', name),
      ]))
        t.match(outcome, { code: 1, stdout: /^$/, stderr: missing }, name);
  });

t.test('a swap that a long read stands in the way of is made when that has ended', async (t) => {
  const { pool, rebuild, served } = await setUp(t);
  const first = await served();
  await rebuild([resource]);
  const reader = await pool.connect();
  await reader.query('BEGIN; SELECT count(*) FROM read_model.resource');
  const back = rollbackRebuild({ logPool: pool, readPool: pool }, resource);
  const blocked = () =>
    pool.query(
      `SELECT 1 FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%VIEW%'`,
    );
  await waitFor(async () => (await blocked()).rowCount === 1);
  await waitFor(async () => (await blocked()).rowCount === 0, { what: 'it to give way' });
  await reader.query('COMMIT');
  reader.release();
  t.match(await back, { table_name: first });
  t.equal(await served(), first);
});
