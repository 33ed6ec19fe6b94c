// Who waits for the head beside a read model of another log: waiting brings it no further.
import t, { type Test } from 'tap';
import { findProjection } from '../../projections/index.js';
import { readHead } from '../../src/log/read-log.js';
import { findBuild } from '../../src/read-models/build.js';
import { waitFor } from '../support/wait-for.js';
import { differ, ends, KEPT, LOST, placesOf, restore } from './restored-log.js';

const resource = findProjection('resource');

/** Read models at the end of the restored log, and `resource` of the lost one. */
async function restoreOne(t: Test) {
  const restored = await restore(t);
  const { build_id } = (await findBuild(restored.old.pool, resource, 'live'))!;
  await restored.old.pool.query('UPDATE projector.checkpoint SET position = $1 WHERE build_id <> $2', [
    KEPT,
    build_id,
  ]);
  const held = async () =>
    (
      await restored.old.pool.query(
        `SELECT FROM hookfold.lease WHERE name ~ '^build:' AND expires_at > now()`,
      )
    ).rowCount!;
  return { ...restored, held };
}

for (const [what, pattern] of [
  ['ends before it', ends],
  ['has grown past it', differ],
] as const) {
  t.test(`--until-head folds the others, and fails with what to do, where the log ${what}`, async (t) => {
    const { old, log, grow, run, held } = await restoreOne(t);
    if (pattern === differ) await grow();
    const { code, stderr } = await run('projector --until-head', { PROJECTOR_PORT: '0' });
    t.equal(code, 1);
    t.match(stderr, pattern);
    t.match(stderr, /\nhookfold: resource cannot go on: .* hookfold rebuild resource;/);
    t.notMatch(stderr, /cannot start/);
    const head = await readHead(log.pool);
    for (const { name, position } of await placesOf(old))
      t.equal(position, name === 'resource' ? KEPT + LOST : head, name);
    t.equal(await held(), 0, 'leases were given back');
  });

  t.test(`it is told of one that another process folds, too, where the log ${what}`, async (t) => {
    const { grow, follow, held } = await restoreOne(t);
    if (pattern === differ) await grow();
    await follow({ projections: [resource] });
    await waitFor(async () => (await held()) === 1);
    const service = await follow();
    await t.rejects(service.untilHead(), { code: 'HOOKFOLD_ANOTHER_LOG', message: pattern });
  });
}
