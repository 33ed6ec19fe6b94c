// A log that was restored from an older backup and has grown past the checkpoints, with other events: whoever would go on
// from them stops and says so, and a rebuild makes the rows of the log that there is.
import pg from 'pg';
import pino from 'pino';
import t, { type Test } from 'tap';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { appendEvents } from '../../src/log/append-events.js';
import { readAt, readHead } from '../../src/log/read-log.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { retryParked } from '../../src/projector/parked.js';
import type { Pools } from '../../src/projector/pools.js';
import { createProjector, type Projector } from '../../src/projector/projector.js';
import { createPageReader } from '../../src/projector/read-page.js';
import { resegment } from '../../src/projector/resegment.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { verifyProjection } from '../../src/projector/verify/verify-projection.js';
import { findBuild } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { createRebuildingDatabase } from '../rebuild/rebuilding.js';
import { fixtureBodies, newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import {
  appendBodies,
  areAtHead,
  assertFolded,
  BODIES,
  foldToHead,
  partsOf,
  startProjector,
} from './projecting.js';

const resource = findProjection('resource');
const KEPT = 80;
const LOST = 20;

/** Read models that stand at 100 of a log, and another log that has its first 80 events and is to grow. */
async function restore(t: Test) {
  const [old, log] = await Promise.all([createTestDatabase(t), createTestDatabase(t)]);
  const events = BODIES.slice(0, KEPT + LOST).map((body) => newEvent(body));
  await appendEvents(old.pool, events);
  await appendEvents(log.pool, events.slice(0, KEPT));
  await foldToHead(old);
  const lines: { level: number; err?: { message: string }; projections?: string[] }[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const env = { DATABASE_URL: log.url, READ_DATABASE_URL: old.url, LOG_LEVEL: 'warn' };
  return {
    old,
    log,
    events,
    grow: () => appendBodies(log.pool, BODIES.slice(1000, 1050)),
    follow: (options = {}) => startProjector(t, log, { readDatabaseUrl: old.url, logger, ...options }),
    /** The errors that are told of this. */
    told: (pattern: RegExp) =>
      lines.filter(({ level, err }) => level === 50 && pattern.test(err?.message ?? '')),
    readiness: async () => {
      const [origin] = JSON.stringify(lines).match(/http:\/\/[\d.]+:\d+/)!;
      return (await fetch(`${origin}/readyz`)).json() as Promise<{ status: string; reason?: string }>;
    },
    pools: { logPool: log.pool, readPool: old.pool },
    run: (args: string, more = {}) => runProgram(t, args.split(' '), { ...env, ...more }).exit,
  };
}

const placesOf = async ({ pool }: TestDatabase) =>
  (
    await pool.query<{ name: string; position: number; event_id: string | null }>(
      `SELECT projection AS name, c.position, c.event_id
       FROM projector.checkpoint c JOIN projector.build USING (build_id) WHERE state = 'live'`,
    )
  ).rows;

async function arePlaced({ logPool, readPool }: Pools): Promise<boolean> {
  const head = await readHead(logPool);
  const event = await readAt(logPool, head);
  const places = await placesOf({ pool: readPool } as TestDatabase);
  return places.every(({ position, event_id }) => position === head && event_id === event?.event_id);
}

const differ =
  /(\w+) was folded from another log, whose event 100 has the id (\S+); this log has (\S+) there/;

t.test('read models of another log stand still and are named, until they are rebuilt', async (t) => {
  const { old, log, grow, follow, told, readiness, pools, run } = await restore(t);
  await run('rebuild resource --dry-run', { DATABASE_URL: old.url });
  const before = await placesOf(old);
  await follow();
  await waitFor(() => told(/no event at position 100,/).length > 0);
  t.match(await readiness(), { status: 'not ready', reason: /no event at position 100,/ });

  await grow();
  const ids = await Promise.all([old, log].map(({ pool }) => readAt(pool, KEPT + LOST)));
  await waitFor(() => told(differ).length >= PROJECTIONS.length);
  t.same(
    told(differ)
      .flatMap(({ projections }) => projections)
      .slice(0, PROJECTIONS.length)
      .sort(),
    PROJECTIONS.map(({ name }) => name).sort(),
  );
  for (const { err, projections } of told(differ))
    t.same(err!.message.match(differ)!.slice(1), [projections![0], ...ids.map((event) => event!.event_id)]);
  t.match(await readiness(), { status: 'not ready', reason: /hookfold rebuild resource/ });
  t.match(await run('status'), { code: 0, stdout: /resource was folded .* hookfold rebuild resource;/ });
  t.same(await placesOf(old), before, 'nothing was folded');

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
    const parts = partsOf(log);
    let pool = old.pool;
    const readPage = createPageReader({
      readRun: (...order) => createRunReader(pool)(...order),
      pageEvents: KEPT / 2,
      pageBytes: 1e6,
    });
    async function update(): Promise<void> {
      const isRestored = pool === old.pool && readPage.isAhead!(KEPT);
      if (isRestored) pool = log.pool;
      if (isRestored) end(projector);
      await parts.roster.update();
    }
    // One page a round, so that a round begins where the logs part.
    const projector = createProjector({
      ...parts,
      readPage,
      roster: { ...parts.roster, update },
      leaseTtlMs: 0,
    });
    t.teardown(() => projector.stop());
    await projector.start();
    await waitFor(() => areAtHead(log, PROJECTIONS));
    t.equal(pool, log.pool);
    await assertFolded(t, log.pool);
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
