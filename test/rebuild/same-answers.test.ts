// live = rebuilt = as_of(head) = folded in one go, on any history.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { keyId, keyOfRow } from '../../projections/key.js';
import { foldHistory } from '../../src/query/as-of.js';
import { assertFolded, readRows } from '../projector/projecting.js';
import { INTEGRATIONS, randomWebhook } from '../support/random-webhooks.js';
import { createRebuildingDatabase, type RebuildingDatabase } from './rebuilding.js';

const within = PROJECTIONS.filter((projection) => projection.within === 'integration');

/** The rows of every integration at the head, by time travel, are the served ones. */
async function assertAsOfHead({ pool, head }: RebuildingDatabase): Promise<void> {
  const folds = await Promise.all(
    INTEGRATIONS.map((integration_id) => foldHistory(pool, within, { integration_id }, head)),
  );
  for (const [index, projection] of within.entries()) {
    const rows = folds.flatMap((fold) => [...fold[index]!.folded.rows.values()]);
    const asOf = new Map(rows.map((row) => [keyId(keyOfRow(projection, row)), row]));
    const live = await readRows(pool, projection);
    assert.deepEqual(new Map([...asOf].sort()), new Map([...live].sort()), projection.name);
  }
}

t.test('live, rebuilt, as of the head and folded in one go are the same rows', async (t) => {
  const history = fc.record({
    bodies: fc.array(randomWebhook, { minLength: 1, maxLength: 120 }),
    memoryBytes: fc.constantFrom(1, 3000, 1e7),
    pageEvents: fc.integer({ min: 1, max: 50 }),
    workers: fc.integer({ min: 1, max: 4 }),
  });
  const check = fc.asyncProperty(history, async ({ bodies, ...options }) => {
    const ends: (() => unknown)[] = [];
    const database = await createRebuildingDatabase(
      { teardown: (end: () => unknown) => ends.push(end) } as never,
      bodies,
    );
    try {
      await assertFolded(t, database.pool);
      await assertAsOfHead(database);
      for (const [name, outcome] of await database.rebuild(PROJECTIONS, options))
        assert.ok(outcome.kind === 'swapped' && !outcome.drift, name);
      await assertFolded(t, database.pool);
    } finally {
      for (const end of ends) await end();
    }
  });
  await fc.assert(check, { numRuns: 8 });
});
