// Deploying is rebuilding: a higher version in the code is built in the background and swapped in, while processes
// of the old code go on with theirs.
import t from 'tap';
import type { EventProjection, Projection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import type { IntegrationRow } from '../../projections/integration/rows.js';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { findBuild, findServed } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { appendBodies, startProjector } from '../projector/projecting.js';
import { fixtureBodies } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

/** The next version of `integration`: connectors in capitals. */
const next: EventProjection<IntegrationRow> = {
  ...integration,
  version: 2,
  evolve(row, event) {
    const after = integration.evolve(row, event);
    return after && { ...after, connector_type: after.connector_type?.toUpperCase() ?? null };
  },
};

t.test(
  'a higher version is rebuilt by itself and swapped in, and the old one followed by old processes',
  async (t) => {
    const database = await createTestDatabase(t);
    const { pool } = database;
    const bodies = fixtureBodies();
    await appendBodies(pool, bodies.slice(0, 3000));
    const old = await startProjector(t, database, { projections: [integration], autoRebuildMs: 100 });
    await old.untilHead();
    const fresh = await startProjector(t, database, { projections: [next], autoRebuildMs: 100 });
    await appendBodies(pool, bodies.slice(3000));
    await waitFor(async () => (await findServed(pool, 'integration'))?.version === 2, {
      what: 'version 2',
      timeoutMs: 30_000,
    });
    const reached = async (projection: Projection) => {
      const build = await findBuild(pool, projection, 'live');
      return Math.min(...(await readCheckpoints(pool, build!.build_id)).map(({ position }) => position));
    };
    for (const projection of [integration, next])
      await waitFor(async () => (await reached(projection)) === bodies.length, {
        what: `version ${projection.version} at the head`,
      });
    const connectors = async (view: string) =>
      (
        await pool.query(`SELECT connector_type AS c FROM read_model.${view} ORDER BY integration_id`)
      ).rows.map(({ c }) => c);
    const before = await connectors('integration_v1');
    t.strictSame(
      await connectors('integration_v2'),
      before.map((c) => c?.toUpperCase() ?? null),
    );
    t.strictSame(
      await connectors('integration'),
      await connectors('integration_v2'),
      'the plain view shows the new one',
    );

    const back = await rollbackRebuild(pool, next);
    t.equal(back.version, 1);
    t.strictSame(await connectors('integration'), before);
    t.match(
      await findServed(pool, 'integration'),
      { version: 1, pinned: true },
      'and it stays: no rebuild by itself',
    );
    await Promise.all([old.stop(), fresh.stop()]);
  },
);
