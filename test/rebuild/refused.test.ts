// Events whose row Postgres refuses: a rebuild parks them as the projector does, wherever it meets them.
import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import type { EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import type { IntegrationRow } from '../../projections/integration/rows.js';
import { createLocalLoader } from '../../src/projector/rebuild/local-loader.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { findBuild } from '../../src/read-models/build.js';
import { segmentOfIntegration } from '../../src/read-models/segment.js';
import { foldToHead, parkedOf } from '../projector/projecting.js';
import { fillLog } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { rebuildIn } from './rebuilding.js';

/** Too long for an index, and not to be made shorter. */
const LONG = Array.from({ length: 100 }, (_, n) => createHash('sha512').update(`${n}`).digest('hex')).join(
  '',
);

/** `integration`, of which Postgres refuses rows that had a connector `null`, an index those that had a `long` one. */
const refused: EventProjection<IntegrationRow> = {
  ...integration,
  evolve(row, event) {
    const after = integration.evolve(row, event);
    if (row?.installed === null || after?.connector_type === 'null')
      return { ...after!, installed: null as never };
    if (row?.connector_type === LONG || after?.connector_type === 'long')
      return { ...after!, connector_type: LONG };
    return after;
  },
};

const installed = (id: string, connector_type: string) => ({
  ...{ workspace_id: 'w', customer_id: null, event: 'integration_installed', state: null },
  payload: { id, connector_type, metadata: null },
});

/** So many installs of some integrations, those named by their number with the connector given. */
const bodies = (count: number, odd: Record<number, string>) =>
  Array.from({ length: count }, (_, n) => installed(`i${n % 50}`, odd[n + 1] ?? 'good'));

/** A log that was folded by a projector up to its head. */
async function setUp(t: Test, log: object[]) {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await fillLog(pool, log);
  await foldToHead(database, { projections: [refused] });
  const parked = async () => (await parkedOf(pool, [refused])).map(({ position }) => position);
  const served = async () => (await findBuild(pool, refused, 'live'))!.build_id;
  return { pool, parked, served, rebuild: rebuildIn(pool) };
}

/** Rebuilds what a projector has folded, and asserts that the same events are parked, and the rows the same. */
async function assertRebuilt(
  t: Test,
  { parked, served, rebuild }: Awaited<ReturnType<typeof setUp>>,
  options: Parameters<typeof rebuild>[1] = {},
): Promise<void> {
  const before = { parked: await parked(), served: await served() };
  const outcomes = await rebuild([refused], options);
  t.match(outcomes.get('integration'), { kind: 'swapped', drift: false });
  t.not(await served(), before.served);
  t.same(await parked(), before.parked);
}

t.test('a refused row far behind the first write of a load is parked', async (t) => {
  const database = await setUp(t, bodies(3000, { 2050: 'null', 2610: 'null' }));
  t.match(await database.parked(), { 0: 2050 });
  await assertRebuilt(t, database, { memoryBytes: 1, pageEvents: 100 });
});

t.test('it is parked where segments stand at different positions too', async (t) => {
  const key = Array.from({ length: 50 }, (_, n) => n).find((n) => segmentOfIntegration(`i${n}`, 4) === 1)!;
  const database = await setUp(t, bodies(3000, { [key + 1001]: 'null', 2050: 'null' }));
  const { pool } = database;
  const options = { workers: 4, memoryBytes: 1, pageEvents: 100 };
  const load = createLocalLoader({
    ...options,
    readPool: pool,
    readRun: createRunReader(pool),
    owns: (_, segment) => segment !== 1,
  });
  const onProgress = ({ position }: { position: number }) => {
    if (position >= 1500) throw new Error('interrupted');
  };
  await t.rejects(database.rebuild([refused], { ...options, load, onProgress }), /interrupted/);
  await assertRebuilt(t, database, options);
});

t.test('a refused row that is met under the checkpoints of both builds is parked', async (t) => {
  const database = await setUp(t, bodies(300, { 120: 'null', 260: 'long' }));
  t.same(await database.parked(), [120, 170, 220, 260, 270]);
  await assertRebuilt(t, database);

  // Followed by nobody: it is the live build that is behind.
  await fillLog(database.pool, bodies(2000, { 1731: 'null' }));
  t.match((await database.rebuild([refused])).get('integration'), { position: 2300, drift: false });
  const reasons = (await parkedOf(database.pool, [refused], { position: 2031 })).map(({ reason }) => reason);
  t.match(reasons, [/null value/]);
});

t.test('a row that an index refuses is parked, though the load makes the indexes last', async (t) => {
  const database = await setUp(t, bodies(3000, { 2050: 'long', 2060: 'null' }));
  t.match(await database.parked(), { 0: 2050 });
  await assertRebuilt(t, database);
});
