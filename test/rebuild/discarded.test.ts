// Events that somebody gave up, beside rebuilds: what is discarded of the version that is built, and of the one before.
import t, { type Test } from 'tap';
import { integration } from '../../projections/integration/projection.js';
import { discardParked } from '../../src/projector/parked.js';
import type { Leftover } from '../../src/projector/rebuild/prepare.js';
import { foldToHead } from '../projector/projecting.js';
import { fillLog } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { rebuildIn } from './rebuilding.js';

/** `integration` in a version that fails on some events. */
const failingAt = (version: number, ...positions: number[]): typeof integration => ({
  ...{ ...integration, version },
  evolve(row, event) {
    if (positions.includes(event.position)) throw new Error('a fault');
    return integration.evolve(row, event);
  },
});

const installed = (id: string) => ({
  ...{ workspace_id: 'w', customer_id: null, event: 'integration_installed', state: null },
  payload: { id, connector_type: 'c', metadata: null },
});

/** Three events of one integration and one of another; version 1 has parked the second, and what is behind it. */
async function createParked(t: Test) {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await fillLog(pool, ['a', 'a', 'a', 'b'].map(installed));
  const first = failingAt(1, 2);
  await foldToHead(database, { projections: [first] });
  const pools = { logPool: pool, readPool: pool };
  const discard = () => discardParked(pools, [first], { projection: 'integration', position: 2 });
  return { pool, first, discard, rebuild: rebuildIn(pool) };
}

t.test('what was discarded of the version before keeps no later one from being swapped in', async (t) => {
  const { pool, discard, rebuild } = await createParked(t);
  await discard();
  await t.rejects(
    rebuild([failingAt(2, 2, 4)], { byItself: true }),
    /parks 1 events, version 1 0 of the same.* at position 4/,
    'another key is parked too',
  );
  const third = failingAt(3, 2);
  await pool.query('UPDATE projector.discarded SET event_id = gen_random_uuid()');
  await t.rejects(rebuild([third], { byItself: true }), /parks 2 events/, 'an event of another log');
  await pool.query(
    'UPDATE projector.discarded d SET event_id = e.event_id FROM event_log e WHERE e.position = d.position',
  );
  t.match((await rebuild([third], { byItself: true })).get('integration'), {
    kind: 'swapped',
    parked: { before: 0, after: 2 },
  });
});

t.test('a half-built table that has parked what was discarded since is begun anew', async (t) => {
  const { first, discard, rebuild } = await createParked(t);
  t.match((await rebuild([first], { dryRun: true })).get('integration'), { drift: false });
  await discard();
  const leftovers: Leftover[] = [];
  const onLeftover = (leftover: Leftover) => void leftovers.push(leftover);
  t.match((await rebuild([first], { dryRun: true, onLeftover })).get('integration'), {
    drift: false,
    parked: { after: 0 },
  });
  t.match((await rebuild([first], { onLeftover })).get('integration'), { kind: 'swapped', drift: false });
  t.match(leftovers, [{ anew: 'discarded' }, { anew: undefined }]);
});
