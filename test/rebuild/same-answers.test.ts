// live = rebuilt = as_of(head) = folded in one go: on any history, in any number of segments, interrupted or not.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { keyId, keyOfRow } from '../../projections/key.js';
import type { Leftover } from '../../src/projector/rebuild/prepare.js';
import { resegment } from '../../src/projector/resegment.js';
import { foldHistory } from '../../src/query/as-of.js';
import { ensureLiveBuild } from '../../src/read-models/live-build.js';
import { assertFolded, readRows } from '../projector/projecting.js';
import { INTEGRATIONS, randomWebhook } from '../support/random-webhooks.js';
import { createRebuildingDatabase, type Rebuild, type RebuildingDatabase } from './rebuilding.js';

const within = PROJECTIONS.filter((projection) => projection.within === 'integration');

/** The rows of every integration at the head, by time travel, are the served ones. */
async function assertAsOfHead({ pool, head }: RebuildingDatabase): Promise<void> {
  const folds = await Promise.all(
    INTEGRATIONS.map((integration_id) =>
      foldHistory({ log: pool, read: pool }, within, { integration_id }, head),
    ),
  );
  for (const [index, projection] of within.entries()) {
    const rows = folds.flatMap((fold) => [...fold[index]!.folded.rows.values()]);
    const asOf = new Map(rows.map((row) => [keyId(keyOfRow(projection, row)), row]));
    const live = await readRows(pool, projection);
    assert.deepEqual(new Map([...asOf].sort()), new Map([...live].sort()), projection.name);
  }
}

/** Splits what can be split, as `hookfold projector --segments` does. */
async function splitLive({ pools, pool }: RebuildingDatabase, segments: number): Promise<void> {
  for (const projection of within)
    await resegment(pools, projection, (await ensureLiveBuild(pool, projection))!, segments);
}

const INTERRUPTED = new Error('interrupted');

/** Begins a rebuild that ends at one of its pages, or comes to its end where it has fewer. */
async function interruptRebuild(
  { rebuild }: RebuildingDatabase,
  afterPages: number,
  options: Parameters<Rebuild>[1],
): Promise<void> {
  let pages = 0;
  const onProgress = () => {
    pages += 1;
    if (pages > afterPages) throw INTERRUPTED;
  };
  await rebuild(PROJECTIONS, { ...options, onProgress }).catch((error) =>
    assert.equal(error, INTERRUPTED, error.stack),
  );
}

t.test('live, rebuilt, as of the head and folded in one go are the same rows', async (t) => {
  const history = fc.record({
    bodies: fc.array(randomWebhook, { minLength: 1, maxLength: 120, size: 'max' }),
    memoryBytes: fc.constantFrom(1, 3000, 1e7),
    pageEvents: fc.integer({ min: 1, max: 12 }),
    writeEveryMs: fc.constantFrom(0, 30_000),
    workers: fc.integer({ min: 1, max: 4 }),
    // 0: all is loaded in pages; else the last of it is folded at the swap.
    catchUpLimit: fc.constantFrom(0, 0, 0, 400),
    segments: fc.integer({ min: 1, max: 4 }),
    interruptedAfter: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2, size: 'max' }),
  });
  let goneOnWith = 0;
  const check = fc.asyncProperty(history, async ({ bodies, segments, interruptedAfter, ...options }) => {
    const ends: (() => unknown)[] = [];
    const database = await createRebuildingDatabase(
      { teardown: (end: () => unknown) => ends.push(end) } as never,
      bodies,
    );
    try {
      await splitLive(database, segments);
      await assertFolded(t, database.pool);
      await assertAsOfHead(database);
      for (const pages of interruptedAfter) await interruptRebuild(database, pages, options);
      const onLeftover = ({ position }: Leftover) => {
        if (position > 0) goneOnWith += 1;
      };
      for (const [name, outcome] of await database.rebuild(PROJECTIONS, { ...options, onLeftover }))
        assert.ok(outcome.kind === 'swapped' && !outcome.drift, name);
      await assertFolded(t, database.pool);
    } finally {
      for (const end of ends) await end();
    }
  });
  const interrupted = {
    bodies: fc.sample(randomWebhook, { numRuns: 60, seed: 1 }),
    memoryBytes: 1,
    pageEvents: 7,
    writeEveryMs: 0,
    workers: 2,
    catchUpLimit: 0,
    segments: 3,
    interruptedAfter: [2, 3],
  };
  await fc.assert(check, { numRuns: 10, examples: [[interrupted]] });
  t.not(goneOnWith, 0, 'rebuilds went on with what interrupted ones had left');
});
