// What a rebuild that nobody has asked for leaves to people.
import pino from 'pino';
import t, { type Test } from 'tap';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { findServed } from '../../src/read-models/build.js';
import { startProjector } from '../projector/projecting.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { waitFor } from '../support/wait-for.js';
import { failingBehind, next, withFaultyIndex } from './next-version.js';
import { createRebuildingDatabase, type RebuildingDatabase } from './rebuilding.js';

/** A projector that looks all the time whether to rebuild, and what it warns of. */
async function startLooking(t: Test, database: RebuildingDatabase, projection: typeof next) {
  const warnings: { err: { message: string }; seconds: number }[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(JSON.parse(line)) });
  const projector = await startProjector(t, database, {
    projections: [projection],
    autoRebuildMs: 100,
    logger,
  });
  return { projector, warnings };
}

t.test('a version that parks what the one before folded is not swapped in', async (t) => {
  const database = await createRebuildingDatabase(t);
  const failing = failingBehind(0);
  const { projector, warnings } = await startLooking(t, database, failing);
  await t.rejects(projector.untilHead(), /version 2 of integration parks .* not swapped in\. /);
  await waitFor(() => warnings.length > 1);
  await projector.stop();
  t.match(
    warnings[0]?.err.message,
    /^version 2 of integration parks \d+ events, version 1 0 of the same: .* at position \d+: a fault\. .* hookfold rebuild integration$/,
  );
  t.ok(warnings[1]!.seconds > warnings[0]!.seconds, 'it is tried less often');
  t.match(await findServed(database.pool, 'integration'), { version: 1 });
  const status = await runProgram(t, ['status'], { DATABASE_URL: database.url }).exit;
  t.match(
    status.stdout,
    /\nversion 2 of integration is not served: version 2 of integration parks \d+ events/,
  );
  const byHand = await database.rebuild([failing], { acceptDrift: true });
  t.match(byHand.get('integration'), { kind: 'swapped', parked: { before: 0 } });
});

t.test('an index that cannot be made is tried less and less often', async (t) => {
  const database = await createRebuildingDatabase(t);
  const { projector, warnings } = await startLooking(t, database, withFaultyIndex(t));
  await t.rejects(projector.untilHead(), /no_such_column/);
  await waitFor(() => warnings.length > 1);
  await projector.stop();
  t.match(warnings[0]?.err.message, /no_such_column/);
  t.ok(warnings[1]!.seconds > warnings[0]!.seconds);
});

t.test('a version that parks too many keys is not built further, and its memory stays bounded', async (t) => {
  const { pool, rebuild } = await createRebuildingDatabase(t);
  let reached = 0;
  const rebuilding = rebuild([failingBehind(0)], {
    mostParkedKeys: 10,
    pageEvents: 100,
    onProgress: ({ position }) => {
      reached = position;
    },
  });
  await t.rejects(rebuilding, {
    code: 'HOOKFOLD_TOO_MANY_PARKED',
    message: /^version 2 of integration has parked events of more than 10 keys/,
  });
  t.ok(reached < 3000, `it ended behind ${reached}`);
  t.match(await findServed(pool, 'integration'), { version: 1 });
});

t.test('what is parked of events that the one before has not seen keeps no version from it', async (t) => {
  const { pool, head, rebuild } = await createRebuildingDatabase(t);
  await fillLog(pool, fixtureBodies().slice(0, 500));
  const outcome = (await rebuild([failingBehind(head)], { byItself: true })).get('integration');
  t.ok(outcome?.kind === 'swapped' && outcome.parked.after > 0);
});

t.test('a rollback while a higher version is rebuilt stands', async (t) => {
  const { pool, pools, rebuild } = await createRebuildingDatabase(t);
  await rebuild([next]);
  let back: Promise<unknown> | undefined;
  const rebuilding = rebuild([{ ...next, version: 3 }], {
    byItself: true,
    async onProgress() {
      back ??= rollbackRebuild(pools, next);
      await back;
    },
  });
  await t.rejects(rebuilding, /taken back to version 1 by hand: version 3 is not swapped in/);
  t.match(await findServed(pool, 'integration'), { version: 1, pinned: true });
  t.match((await rebuild([{ ...next, version: 3 }])).get('integration'), { kind: 'swapped' });
  t.match(await findServed(pool, 'integration'), { version: 3, pinned: false });
});
