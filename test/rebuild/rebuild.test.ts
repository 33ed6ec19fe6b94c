import pino from 'pino';
import t from 'tap';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { createPool } from '../../src/postgres/connect.js';
import { discardRebuilds } from '../../src/projector/rebuild/retire.js';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { findBuild, findServed } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { startProjector } from '../projector/projecting.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { runProgram } from '../support/run-program.js';
import { waitFor } from '../support/wait-for.js';
import { createRebuildingDatabase } from './rebuilding.js';

const resource = findProjection('resource');
const logger = pino({ level: 'silent' });

t.test('a rebuild over one pass gives the live rows, and is swapped in', async (t) => {
  const database = await createRebuildingDatabase(t);
  const before = await database.rows('resource');
  const outcomes = await database.rebuild();
  t.equal(outcomes.size, PROJECTIONS.length);
  for (const [name, outcome] of outcomes)
    t.match(
      outcome,
      {
        kind: 'swapped',
        position: database.head,
        drift: false,
        comparison: { added: 0, removed: 0, changed: 0 },
      },
      name,
    );
  t.strictSame(await database.rows('resource'), before);
  const served = await findServed(database.pool, 'resource');
  t.match(served, { state: 'live', version: 1 });
  t.equal((await findBuild(database.pool, resource, 'retired'))?.state, 'retired', 'the old table is kept');
});

t.test('a rebuild passes over no events that are missing, and is finished once they are there', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  const { rebuild, pool } = await createRebuildingDatabase(t, fixtureBodies().slice(0, 3 * SIZE), database);
  await detach(SIZE + 1);
  const position = SIZE + 1;
  await t.rejects(rebuild([resource]), { code: 'HOOKFOLD_EVENT_MISSING', position });
  t.ok(await findBuild(pool, resource, 'building'), 'what was built is kept');
  await attach(SIZE + 1);
  t.match((await rebuild([resource])).get('resource'), { kind: 'swapped', drift: false });
});

t.test(
  'with more keys than memory holds, rows are written and read again, and come out the same',
  async (t) => {
    const database = await createRebuildingDatabase(t);
    let flushes = 0;
    let last = 0;
    const outcomes = await database.rebuild([resource], {
      memoryBytes: 40_000,
      pageEvents: 100,
      async onProgress() {
        const build = (await findBuild(database.pool, resource, 'building'))!;
        const [checkpoint] = await readCheckpoints(database.pool, build.build_id);
        if (checkpoint!.position !== last) flushes += 1;
        last = checkpoint!.position;
      },
    });
    t.ok(flushes > 20, `${flushes} writes on the way`);
    t.match(outcomes.get('resource'), { kind: 'swapped', drift: false });
  },
);

t.test('rows that the log does not give are drift: shown, and not swapped unless told to', async (t) => {
  const database = await createRebuildingDatabase(t);
  const served = (await findServed(database.pool, 'resource'))!;
  const table = `read_model."${served.table_name}"`;
  await database.pool.query(`DELETE FROM ${table} WHERE ctid = (SELECT max(ctid) FROM ${table})`);
  await database.pool.query(
    `UPDATE ${table} SET update_count = 99 WHERE ctid = (SELECT min(ctid) FROM ${table})`,
  );
  const kept = (await database.rebuild([resource])).get('resource');
  t.match(kept, {
    kind: 'kept',
    drift: true,
    comparison: { added: 1, removed: 0, changed: 1, changed_columns: { update_count: 1 } },
  });
  t.equal((await findServed(database.pool, 'resource'))?.build_id, served.build_id);
  const sample = kept?.kind === 'kept' ? kept.comparison!.sample : [];
  t.match(sample.find(({ kind }) => kind === 'changed')?.columns, { update_count: { before: 99 } });
  t.match((await database.rebuild([resource], { acceptDrift: true })).get('resource'), {
    kind: 'swapped',
    drift: true,
  });
  t.not((await findServed(database.pool, 'resource'))?.build_id, served.build_id);
});

t.test('rows of no workspace and of an empty one are not taken for each other', async (t) => {
  const activity = findProjection('activity');
  const event = (workspace_id: string | null) => ({ workspace_id, event: 'ping', payload: {} });
  const database = await createRebuildingDatabase(t, [event(null), event(''), event('')]);
  t.match((await database.rebuild([activity])).get('activity'), {
    kind: 'swapped',
    drift: false,
    comparison: { rows_before: 2, rows_after: 2, changed: 0 },
  });
  const { table_name } = (await findServed(database.pool, 'activity'))!;
  await database.pool.query(`DELETE FROM read_model."${table_name}" WHERE workspace_id IS NULL`);
  t.match((await database.rebuild([activity])).get('activity'), {
    kind: 'kept',
    comparison: {
      added: 1,
      removed: 0,
      changed: 0,
      sample: [{ kind: 'added', key: { workspace_id: null } }],
    },
  });
});

t.test('a swap is taken back, and the old table is followed from where it stood', async (t) => {
  const database = await createRebuildingDatabase(t);
  const first = (await findServed(database.pool, 'resource'))!;
  await database.rebuild([resource]);
  const back = await rollbackRebuild(database.pools, resource);
  t.equal(back.build_id, first.build_id);
  t.equal((await findServed(database.pool, 'resource'))?.build_id, first.build_id);
  await t.rejects(rollbackRebuild(database.pools, findProjection('activity')), /no earlier table/);
  const projector = await startProjector(t, database);
  await fillLog(database.pool, fixtureBodies());
  await projector.untilHead();
  await projector.stop();
  const [checkpoint] = await readCheckpoints(database.pool, first.build_id);
  t.equal(checkpoint!.position, 2 * database.head, 'what came since is folded into it');
  t.match((await database.rebuild([resource])).get('resource'), { kind: 'swapped', drift: false });
});

t.test('a dry run leaves the live table, and its build is discarded by one call', async (t) => {
  const database = await createRebuildingDatabase(t);
  const served = await findServed(database.pool, 'resource');
  t.match((await database.rebuild([resource], { dryRun: true })).get('resource'), {
    kind: 'kept',
    drift: false,
  });
  t.strictSame(await findServed(database.pool, 'resource'), served);
  t.equal((await discardRebuilds(database.pool, ['resource'], { logger })).length, 1);
  t.equal((await discardRebuilds(database.pool, [], { logger })).length, 0);
});

t.test('two rebuilds of one projection: the second is told of the first', async (t) => {
  const database = await createRebuildingDatabase(t);
  const both = await Promise.allSettled([database.rebuild([resource]), database.rebuild([resource])]);
  t.strictSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const lost = both.find((one): one is PromiseRejectedResult => one.status === 'rejected');
  t.match(lost?.reason, /rebuild of resource is running already/);
});

t.test('readers never fail and never see a mixture while rows are rebuilt and swapped', async (t) => {
  const query = await buildQuery(t);
  const database = await createRebuildingDatabase(t, fixtureBodies(), query.database);
  const { table_name } = (await findServed(database.pool, 'resource'))!;
  // The two tables differ in every row, so that a mixture would show.
  await database.pool.query(`UPDATE read_model."${table_name}" SET update_count = -1`);
  const reader = createPool(database.url, { max: 2 });
  t.teardown(() => reader.end());
  const count =
    'SELECT count(*) AS rows, count(*) FILTER (WHERE update_count = -1) AS old FROM read_model.resource';
  const seen = { sql: 0, http: 0, old: 0, fresh: 0, mixed: 0, failed: 0 };
  const note = (rows: number, old: number) => {
    if (old === 0) seen.fresh += 1;
    else if (old === rows) seen.old += 1;
    else seen.mixed += 1;
  };
  let going = true;
  const inSql = async () => {
    for (; going; seen.sql++) {
      const { rows, old } = (await reader.query(count)).rows[0];
      note(rows, old);
    }
  };
  const overHttp = async () => {
    for (; going; seen.http++) {
      const { status, json, position } = await query.get('/v1/resources?limit=1000');
      if (status !== 200 || position !== database.head) seen.failed += 1;
      else
        note(
          json.items.length,
          json.items.filter((row: { update_count: number }) => row.update_count === -1).length,
        );
    }
  };
  const reading = Promise.all([inSql(), overHttp()]);
  for (let round = 0; round < 4; round++) {
    await database.rebuild([resource], { memoryBytes: 50_000_000, pageEvents: 2000, acceptDrift: true });
    await rollbackRebuild(database.pools, resource);
  }
  going = false;
  await reading;
  t.match(seen, { mixed: 0, failed: 0 });
  t.ok(seen.sql > 10 && seen.http > 5 && seen.old > 0 && seen.fresh > 0, JSON.stringify(seen));
});

t.test('killed -9 on the way it goes on where it was, by several workers too', async (t) => {
  const bodies = fixtureBodies();
  const database = await createRebuildingDatabase(t, [...bodies, ...bodies, ...bodies]);
  const before = await database.rows('resource');
  const env = { DATABASE_URL: database.url, LOG_LEVEL: 'silent' };
  const args = ['rebuild', '--workers', '2', '--memory', '1', '--page', '50', '--json'];
  const first = runProgram(t, args, env);
  const written = async () => {
    const build = await findBuild(database.pool, resource, 'building');
    if (!build) return 0;
    return Math.max(
      ...(await readCheckpoints(database.pool, build.build_id)).map(({ position }) => position),
    );
  };
  await waitFor(async () => (await written()) > 0, { what: 'a first write', timeoutMs: 60_000 });
  first.kill('SIGKILL');
  await first.exit;
  const reached = await written();
  t.ok(reached > 0 && reached < database.head, `killed at ${reached} of ${database.head}`);
  // Shorter than it would be, but not over: the next one has to wait for it.
  await database.pool.query("UPDATE hookfold.lease SET expires_at = now() + interval '2 s'");
  const second = await runProgram(t, args, env).exit;
  t.equal(second.code, 0, second.stderr);
  t.match(JSON.parse(second.stdout).resource, { kind: 'swapped', position: database.head, drift: false });
  t.strictSame(await database.rows('resource'), before);
  t.equal((await findServed(database.pool, 'resource'))?.segments, 2);
});

t.test('a rebuild catches up with a live projector that goes on folding', async (t) => {
  const database = await createRebuildingDatabase(t);
  const service = await startProjector(t, database);
  const bodies = fixtureBodies();
  const append = (async () => {
    for (let at = 0; at < bodies.length; at += 300) await fillLog(database.pool, bodies.slice(at, at + 300));
  })();
  for (const round of [1, 2]) {
    const outcomes = await database.rebuild(PROJECTIONS, { memoryBytes: 2_000_000 });
    for (const [name, outcome] of outcomes)
      t.match(outcome, { kind: 'swapped', drift: false }, `${name}, round ${round}`);
  }
  await append;
  await service.untilHead();
  for (const [name, outcome] of await database.rebuild())
    t.match(outcome, { kind: 'swapped', drift: false }, name);
});
