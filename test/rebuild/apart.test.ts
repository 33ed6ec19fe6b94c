// Read models that are rebuilt together: one that fails on the way keeps no other from being swapped in.
import t, { type Test } from 'tap';
import type { Projection } from '../../projections/contract.js';
import { findProjection } from '../../projections/index.js';
import { findServed } from '../../src/read-models/build.js';
import { startProjector } from '../projector/projecting.js';
import { waitFor } from '../support/wait-for.js';
import { failingBehind, withFaultyIndex, withFaultyTable } from './next-version.js';
import { createRebuildingDatabase } from './rebuilding.js';

const activity = findProjection('activity');

const faulty: [string, (t: Test) => Projection, RegExp][] = [
  ['parks too many keys', () => failingBehind(0), /parked events of more than 10 keys/],
  ['has an index that cannot be made', withFaultyIndex, /no_such_column/],
  ['has a table that cannot be made', withFaultyTable, /no_such_type/],
];
for (const [what, create, reason] of faulty)
  t.test(`one that ${what} keeps no other from being rebuilt`, async (t) => {
    const { pool, head, rebuild } = await createRebuildingDatabase(t);
    const before = await findServed(pool, 'activity');
    const told: string[] = [];
    await t.rejects(
      rebuild([create(t), activity], { mostParkedKeys: 10, onOutcome: (name) => void told.push(name) }),
      { errors: [{ message: reason }], message: /^integration: .*(\n.*)*\nactivity: swapped$/ },
    );
    t.same(told, ['activity']);
    t.not((await findServed(pool, 'activity'))?.build_id, before?.build_id);
    t.match(await findServed(pool, 'integration'), { version: 1 });
    t.match((await rebuild([activity])).get('activity'), { kind: 'swapped', position: head, drift: false });
  });

t.test('a projector swaps in what can be, and tries the rest again', async (t) => {
  const database = await createRebuildingDatabase(t);
  const { pool } = database;
  const good = { ...activity, version: activity.version + 1 };
  await startProjector(t, database, { projections: [withFaultyIndex(t), good], autoRebuildMs: 100 });
  await waitFor(async () => (await findServed(pool, 'activity'))?.version === good.version);
  t.match(await findServed(pool, 'integration'), { version: 1 });
});
