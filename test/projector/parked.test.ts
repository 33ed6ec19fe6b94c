import t, { type Test } from 'tap';
import { activity } from '../../projections/activity/projection.js';
import type { AnyRow, EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import { listDiscarded } from '../../src/projector/discarded.js';
import { discardParked, retryParked } from '../../src/projector/parked.js';
import { verifyProjection } from '../../src/projector/verify/verify-projection.js';
import { rebuildIn } from '../rebuild/rebuilding.js';
import { buildQuery } from '../support/build-query.js';
import { runProgram } from '../support/run-program.js';
import { createTestDatabase } from '../support/test-database.js';
import { appendBodies, assertFolded, foldToHead, parkedOf, readRows, startProjector } from './projecting.js';

type Fold = typeof integration.evolve;
const body = (id: string, connector: string, metadata: unknown = null) =>
  JSON.stringify({
    workspace_id: 'w',
    customer_id: null,
    event: 'integration_installed',
    state: null,
    payload: { id, connector_type: connector, metadata },
  });

/** `integration`, with an `evolve` that looks at the event's connector first. */
function watching(
  look: (connector: unknown, row: AnyRow | undefined) => AnyRow | undefined,
): EventProjection<never> {
  const evolve: Fold = (row, event) => {
    const seen = look(
      (event.payload as { connector_type?: unknown }).connector_type,
      row as AnyRow | undefined,
    );
    const next = integration.evolve(row, event);
    return seen ? ({ ...(next as object), ...seen } as typeof next) : next;
  };
  return { ...integration, evolve } as unknown as EventProjection<never>;
}

const throwing = watching((connector) => {
  if (connector === 'bad') throw new Error('no \0 and no \ud800');
  return undefined;
});

async function buildParked(t: Test) {
  const database = await createTestDatabase(t);
  const pools = { logPool: database.pool, readPool: database.pool };
  const parked = async () =>
    (await parkedOf(database.pool, [integration])).map(({ position, reason }) => [position, reason]);
  return { database, pools, parked };
}

t.test(
  'an event that cannot be folded is parked with the later ones of its row, and neighbours go on',
  async (t) => {
    const { database, pools, parked } = await buildParked(t);
    const projections = [throwing, activity];
    await appendBodies(database.pool, [
      body('a', 'good'),
      body('a', 'bad'),
      body('b', 'good'),
      body('a', 'good'),
    ]);
    await foldToHead(database, { projections });
    await appendBodies(database.pool, [body('a', 'good'), body('b', 'good')]);
    await foldToHead(database, { projections, pageEvents: 1 });
    const behind = 'waits behind position 2 of the same key';
    t.same(await parked(), [
      [2, 'no \\u0000 and no \\ud800'],
      [4, behind],
      [5, behind],
    ]);
    const rows = [...(await readRows(database.pool, integration)).values()];
    t.match(
      rows.find(({ integration_id }) => integration_id === 'a'),
      { install_count: 1, last_position: 1 },
    );
    t.match(
      rows.find(({ integration_id }) => integration_id === 'b'),
      { install_count: 2, last_position: 6 },
    );
    await assertFolded(t, database.pool, [activity]);

    await t.rejects(
      discardParked(pools, projections, { projection: 'integration', position: 3 }),
      /no parked event/,
    );
    t.same(await retryParked(pools, projections), [{ projection: 'integration', folded: 0, parked: 3 }]);
    t.equal((await parked()).length, 3, 'a retry with the same code changes nothing');
  },
);

t.test('after a fix a retry folds what was parked, beside a projector that goes on', async (t) => {
  const { database, pools, parked } = await buildParked(t);
  const bodies = Array.from({ length: 300 }, (_, n) => body(`i${n % 7}`, n % 100 === 50 ? 'bad' : 'good', n));
  await appendBodies(database.pool, bodies);
  await foldToHead(database, { projections: [throwing] });
  t.ok((await parked()).length > 50);
  const service = await startProjector(t, database, { projections: [integration], pageEvents: 20 });
  const appending = appendBodies(database.pool, bodies);
  const outcomes = await retryParked(pools, [integration]);
  t.match(outcomes, [{ projection: 'integration', parked: 0 }]);
  await appending;
  await service.untilHead();
  await retryParked(pools, [integration]); // What came between the retry and its notice.
  await appendBodies(database.pool, bodies);
  await service.untilHead();
  t.same(await parked(), []);
  await assertFolded(t, database.pool, [integration]);
});

t.test('a retry of events that are missing leaves them parked', async (t) => {
  const { database, pools, parked } = await buildParked(t);
  const { pool } = database;
  await appendBodies(pool, [body('a', 'bad'), body('a', 'good')]);
  await foldToHead(database, { projections: [throwing] });
  const before = await parked();
  t.equal(before.length, 2);
  await pool.query('ALTER TABLE event_log DETACH PARTITION event_log_1');
  await t.rejects(retryParked(pools, [integration]), { code: 'HOOKFOLD_EVENT_MISSING', position: 1 });
  t.same(await parked(), before);
  await pool.query('ALTER TABLE event_log ATTACH PARTITION event_log_1 FOR VALUES FROM (1) TO (5000001)');
  t.match(await retryParked(pools, [integration]), [{ folded: 2, parked: 0 }]);
  await assertFolded(t, pool, [integration]);
});

t.test('discarding an event folds those behind it', async (t) => {
  const { database, pools, parked } = await buildParked(t);
  await appendBodies(database.pool, [
    body('a', 'bad'),
    body('a', 'good'),
    body('a', 'bad'),
    body('a', 'good'),
  ]);
  await foldToHead(database, { projections: [throwing] });
  const discard = (position: number) =>
    discardParked(pools, [throwing], { projection: 'integration', position });
  t.same(await discard(1), { projection: 'integration', folded: 1, parked: 2 });
  t.same(await parked(), [
    [3, 'no \\u0000 and no \\ud800'],
    [4, 'waits behind position 3 of the same key'],
  ]);
  t.same(await discard(3), { projection: 'integration', folded: 1, parked: 0 });
  const [row] = (await readRows(database.pool, integration)).values();
  t.match(row, { install_count: 2, first_position: 2, last_position: 4 });

  const verdict = await verifyProjection(throwing, pools);
  t.match(verdict, { checked: 1, parked: 0, drifted: 0 }, 'verification passes over them');
  const outcomes = await rebuildIn(database.pool)([throwing]);
  t.match(
    outcomes.get('integration'),
    { kind: 'swapped', drift: false, parked: { after: 0 } },
    'a rebuild too',
  );
  t.match(await listDiscarded(database.pool, [throwing]), [
    { projection: 'integration', position: 1, event: 'integration_installed', reason: /^no/ },
    { position: 3 },
  ]);
});

t.test('a row that Postgres refuses parks its event alone, also in a retry', async (t) => {
  const { database, pools, parked } = await buildParked(t);
  // Not compressible to what an index entry can hold.
  const long = Array.from({ length: 9000 }, (_, n) =>
    String.fromCodePoint(0x4e00 + ((n * 7919) % 20000)),
  ).join('');
  const refused = watching((connector, row) =>
    connector === 'long' || row?.connector_type === long ? { connector_type: long } : undefined,
  );
  const bodies = Array.from({ length: 60 }, (_, n) => body(`i${n % 6}`, n === 31 ? 'long' : 'good'));
  await appendBodies(database.pool, bodies);
  await foldToHead(database, { projections: [refused, activity] });
  const list = await parked();
  t.match(list[0], [32, /index row|exceeds/]);
  t.same(
    list.slice(1).map(([position]) => position),
    [38, 44, 50, 56],
  );
  await assertFolded(t, database.pool, [activity]);
  t.match(await retryParked(pools, [refused]), [{ folded: 0, parked: 5 }]);
  t.match((await parked())[0], [32, /index row|exceeds/]);
  t.match(await retryParked(pools, [integration]), [{ folded: 5, parked: 0 }]);
  await assertFolded(t, database.pool, [integration]);
});

t.test('parked events are listed by the code that can retry and discard them, and by no other', async (t) => {
  const { get, database } = await buildQuery(t);
  const { pool, url } = database;
  const pools = { logPool: pool, readPool: pool };
  const older = { ...throwing, version: integration.version - 1 };
  await appendBodies(pool, [body('a', 'bad'), body('a', 'good'), body('b', 'bad')]);
  await foldToHead(database, { projections: [older] });
  t.same((await get('/v1/parked')).json.items, [], 'what only older code has built');
  await rebuildIn(pool)([throwing]);
  const versions = (events: { version: number }[]) => events.map(({ version }) => version);
  const list = () => runProgram(t, ['parked', 'list', '--json'], { DATABASE_URL: url }).exit;
  const here = Array(3).fill(integration.version);
  t.same(versions(await parkedOf(pool, [throwing])), here);
  t.same(versions(JSON.parse((await list()).stdout)), here);
  t.same(versions((await get('/v1/parked')).json.items), here);

  t.match(await retryParked(pools, [integration]), [{ folded: 3, parked: 0 }]);
  t.equal((await list()).stdout, '[]\n');
  t.same((await get('/v1/parked')).json.items, []);
  t.same(versions(await parkedOf(pool, [older])), Array(3).fill(older.version), 'the old code has its own');
  const event = { projection: 'integration', position: 1 };
  t.match(await discardParked(pools, [older], event), { folded: 1, parked: 0 });
  t.match(await parkedOf(pool, [older]), [{ position: 3 }]);
});

t.test('the command line lists, retries and discards', async (t) => {
  const { database } = await buildParked(t);
  await appendBodies(database.pool, [body('a', 'bad'), body('a', 'good'), body('b', 'bad')]);
  await foldToHead(database, { projections: [throwing] });
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runProgram(t, ['parked', ...args], { DATABASE_URL: database.url })
      .exit;
    return { code, stdout, stderr };
  };
  const list = await run('list', '--json');
  t.match(JSON.parse(list.stdout), [
    { projection: 'integration', position: 1, event: 'integration_installed' },
    { position: 2 },
    { position: 3 },
  ]);
  const event = ['--projection', 'integration', '--position', '1'];
  t.match(await run('discard', ...event), { code: 0, stdout: 'integration: 1 folded, 0 still parked\n' });
  t.match(await run('discard', ...event), { code: 1, stderr: /no parked event at position 1/ });
  t.match(await run('retry'), { code: 0, stdout: 'integration: 1 folded, 0 still parked\n' });
  t.match(await run('list'), { code: 0, stdout: 'nothing is parked\n' });
  t.match(await run('list', '--discarded'), {
    stdout: /^integration {2}1 {2}integration_installed {2}discarded .*\n$/,
  });
});
