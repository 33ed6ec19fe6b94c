// Read models that cannot go on: their next event is missing, or somebody holds their checkpoints. It is told, the
// others do not wait, and they go on by themselves.
import t from 'tap';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createProjector } from '../../src/projector/projector.js';
import { findBuild, tableOf } from '../../src/read-models/build.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import {
  appendBodies,
  areAtHead,
  assertFolded,
  BODIES,
  foldToHead,
  partsOf,
  positionOf,
} from './projecting.js';
import { createTelling, startTelling } from './telling.js';

const resource = findProjection('resource');
const others = PROJECTIONS.filter((projection) => projection !== resource);

for (const [which, first] of [
  ['first', 1],
  ['middle', 1 + SIZE],
  ['last', 1 + 2 * SIZE],
] as const)
  t.test(
    `a projector tells that the ${which} events are missing, and goes on once they are there`,
    async (t) => {
      const { database, detach, attach } = await createPartitionedLog(t);
      await appendBodies(database.pool, BODIES.slice(0, 3 * SIZE));
      await detach(first);
      const { told, readiness, errors } = await startTelling(t, database);
      await waitFor(() => errors().length >= 3);
      for (const { err } of errors()) t.match(err?.message, `the log has no event at position ${first},`);
      t.notOk(
        told.some(({ msg }) => /was faster/.test(msg)),
        'nobody else is held to have moved a checkpoint',
      );
      t.match(await readiness(), { status: 'not ready', reason: /no event at position/ });
      for (const projection of PROJECTIONS) t.equal(await positionOf(database, projection), first - 1);
      await attach(first);
      await waitFor(() => areAtHead(database, PROJECTIONS));
      await waitFor(async () => (await readiness()).status === 'ready');
      await assertFolded(t, database.pool);
    },
  );

t.test('a read model whose events are missing does not hold the others up', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, 2 * SIZE));
  await foldToHead(database, { projections: others });
  await detach(1);
  const { readiness, errors } = await startTelling(t, database);
  await waitFor(() => errors().length > 0);
  for (let more = 0; more < 3; more++) {
    const from = (2 + more) * SIZE;
    await appendBodies(pool, BODIES.slice(from, from + SIZE));
    await waitFor(() => areAtHead(database, others));
  }
  for (const error of errors())
    t.match(error, { projections: ['resource'], err: { message: 'no event at position 1,' } });
  t.equal(await positionOf(database, resource), 0);
  t.match(await readiness(), { reason: /no event at position 1,/ });
  await attach(1);
  await waitFor(() => areAtHead(database, PROJECTIONS));
  await waitFor(async () => (await readiness()).status === 'ready');
  await assertFolded(t, pool);
});

t.test('a read model that waits is told again and again, and costs the others their rows once', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, 2 * SIZE));
  await foldToHead(database, { projections: others });
  await detach(1);
  const { told, logger } = createTelling();
  const parts = partsOf(database);
  let reloads = 0;
  const reload = () => {
    reloads++;
    parts.roster.reload();
  };
  const projector = createProjector({ ...parts, roster: { ...parts.roster, reload }, logger });
  t.teardown(() => projector.stop());
  await projector.start();
  await waitFor(() => told.length >= 2);
  for (const each of told)
    t.match(each, { level: 50, projections: ['resource'], err: { message: 'no event at position 1,' } });
  t.throws(() => projector.assertReading(), /no event at position 1,/);
  t.equal(reloads, 1);
  await attach(1);
  await projector.untilHead();
  projector.assertReading();
  await assertFolded(t, pool);
});

t.test('a log that is older than the read models is told', async (t) => {
  const database = await createTestDatabase(t);
  await appendBodies(database.pool, BODIES.slice(0, SIZE));
  await foldToHead(database);
  await database.pool.query('UPDATE projector.checkpoint SET position = position + 1');
  const { errors } = await startTelling(t, database);
  await waitFor(() => errors().length >= PROJECTIONS.length);
  const first = errors().slice(0, PROJECTIONS.length);
  for (const { err, projections } of first)
    t.match(err?.message, `${projections} was folded from another log, whose event ${SIZE + 1} has`);
  t.same(first.map(({ projections }) => projections?.[0]).sort(), PROJECTIONS.map(({ name }) => name).sort());
});

t.test('of a log that is older than some read models those are named, and the others go on', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, SIZE));
  await foldToHead(database);
  const advance = (name: string, events: number) =>
    pool.query(
      `UPDATE projector.checkpoint SET position = position + $2
       WHERE build_id = (SELECT build_id FROM projector.build WHERE projection = $1)`,
      [name, events],
    );
  await advance('resource', 20);
  await advance('activity', 10);
  const { readiness, errors } = await startTelling(t, database);
  await waitFor(() => errors().length >= 2);
  const named = errors().map(({ projections, err }) => [projections, err?.message.match(/event \d+/)?.[0]]);
  t.same(named.slice(0, 2).sort(), [
    [['activity'], `event ${SIZE + 10}`],
    [['resource'], `event ${SIZE + 20}`],
  ]);
  for (const [name, position] of [
    ['activity', SIZE + 10],
    ['resource', SIZE + 20],
  ])
    t.match(await readiness(), {
      status: 'not ready',
      reason: `${name} cannot go on: ${name} was folded from another log, whose event ${position} has`,
    });
  const ahead = PROJECTIONS.filter(({ name }) => name === 'resource' || name === 'activity');
  const before = PROJECTIONS.filter((projection) => !ahead.includes(projection));
  await appendBodies(pool, BODIES.slice(SIZE, SIZE + 15));
  await waitFor(() => areAtHead(database, before));
  await waitFor(() => areAtHead(database, [findProjection('activity')]));
  t.equal(await positionOf(database, resource), SIZE + 20);
  await appendBodies(pool, BODIES.slice(SIZE + 15, SIZE + 30));
  await waitFor(() => areAtHead(database, PROJECTIONS));
  await waitFor(async () => (await readiness()).status === 'ready');
  await assertFolded(t, pool, before);
});

t.test('a read model whose checkpoints are held does not hold the others up', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, SIZE));
  const { told } = await startTelling(t, database);
  await waitFor(() => areAtHead(database, PROJECTIONS));
  const build = (await findBuild(pool, resource, 'live'))!;
  await inTransaction(pool, async (client) => {
    // As a comparison before a swap does.
    await client.query('SELECT FROM projector.checkpoint WHERE build_id = $1 FOR UPDATE', [build.build_id]);
    for (let more = 1; more <= 4; more++) {
      await appendBodies(pool, BODIES.slice(more * SIZE, (more + 1) * SIZE));
      await waitFor(() => areAtHead(database, others));
    }
    t.equal(await positionOf(database, resource), SIZE);
  });
  await waitFor(() => areAtHead(database, PROJECTIONS));
  await assertFolded(t, pool);
  t.match(
    told.filter(({ level }) => level > 30),
    [{ level: 40, projections: ['resource'], msg: /holds the checkpoints/ }],
    'it is told once, and as no error',
  );
});

t.test('a read model whose table is locked, or gone, does not hold the others up', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await appendBodies(pool, BODIES.slice(0, SIZE));
  const { readiness, errors } = await startTelling(t, database);
  await waitFor(() => areAtHead(database, PROJECTIONS));
  const table = tableOf((await findBuild(pool, resource, 'live'))!);
  await inTransaction(pool, async (client) => {
    await client.query(`LOCK TABLE ${table} IN SHARE MODE`); // As CREATE INDEX does.
    for (let more = 1; more <= 2; more++) {
      await appendBodies(pool, BODIES.slice(more * SIZE, (more + 1) * SIZE));
      await waitFor(() => areAtHead(database, others));
    }
    t.equal(await positionOf(database, resource), SIZE);
    t.match(await readiness(), { reason: /^.*resource cannot go on: .*table of resource .*lock/ });
  });
  await waitFor(() => areAtHead(database, PROJECTIONS));
  await waitFor(async () => (await readiness()).status === 'ready');
  await assertFolded(t, pool);

  await pool.query(`ALTER TABLE ${table} RENAME TO renamed`);
  await appendBodies(pool, BODIES.slice(3 * SIZE, 4 * SIZE));
  await waitFor(() => areAtHead(database, others));
  for (const error of errors()) t.match(error, { projections: ['resource'], msg: /table of a read model/ });
  t.match(errors().at(-1), {
    err: { message: /^(?!.*exist.*exist).*does not exist/, buildId: Number, code: '42P01' },
  });
  t.notMatch(JSON.stringify(errors()), 'properties', 'no schema of rows');
});
