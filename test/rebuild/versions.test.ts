// Deploying is rebuilding: a higher version in the code is built in the background and swapped in, while processes
// of the old code go on with theirs.
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Type } from '@sinclair/typebox';
import pino from 'pino';
import t, { type Test } from 'tap';
import type { EventProjection, Projection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import type { IntegrationRow } from '../../projections/integration/rows.js';
import { text } from '../../schemas/columns.js';
import { printOutcomes } from '../../src/cli/rebuild-report.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import type { Leftover } from '../../src/projector/rebuild/prepare.js';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { codeOf, runningCode } from '../../src/projector/rebuild/running-code.js';
import { findBuild, findServed } from '../../src/read-models/build.js';
import { readCheckpoints } from '../../src/read-models/checkpoint.js';
import { appendBodies, assertFolded, startProjector } from '../projector/projecting.js';
import { fixtureBodies } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { next } from './next-version.js';
import { createRebuildingDatabase } from './rebuilding.js';

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

    const back = await rollbackRebuild({ logPool: pool, readPool: pool }, next);
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

/** The same version, by code with a fault that stays in every row that it began. */
const faulty: EventProjection<IntegrationRow> = {
  ...next,
  evolve(row, event) {
    const after = next.evolve(row, event);
    return after && { ...after, first_position: -1 };
  },
};

/** A database where a rebuild of `faulty`, by the code `first`, was interrupted on its way. */
async function interrupt(t: Test) {
  const database = await createRebuildingDatabase(t);
  const leftovers: Leftover[] = [];
  const written = async () => {
    const build = await findBuild(database.pool, next, 'building');
    return build ? (await readCheckpoints(database.pool, build.build_id))[0]!.position : 0;
  };
  const begun = database.rebuild([faulty], {
    code: 'first',
    memoryBytes: 1,
    pageEvents: 100,
    async onProgress({ position }) {
      if (position > 2000 && (await written()) > 0) throw new Error('interrupted');
    },
  });
  await t.rejects(begun, /interrupted/);
  const reached = await written();
  t.ok(reached > 0 && reached < database.head, `interrupted at ${reached} of ${database.head}`);
  const onLeftover = (leftover: Leftover) => void leftovers.push(leftover);
  return { ...database, reached, leftovers, onLeftover };
}

t.test('what other code of the same version has built is begun anew', async (t) => {
  const { pool, rebuild, reached, leftovers, onLeftover } = await interrupt(t);
  const outcomes = await rebuild([next], { code: 'second', onLeftover });
  t.match(outcomes.get('integration'), { kind: 'swapped' });
  t.same(leftovers, [{ projection: 'integration', version: 2, position: reached, anew: 'other code' }]);
  await assertFolded(t, pool, [next]);
  const tables = "SELECT FROM pg_tables WHERE schemaname = 'read_model' AND tablename LIKE 'integration_v2%'";
  t.equal((await pool.query(tables)).rowCount, 1, 'the table that was half-built is gone');
});

t.test('a projector begins it anew by itself, and says so', async (t) => {
  const database = await interrupt(t);
  const lines: string[] = [];
  const logger = pino({}, { write: (line) => void lines.push(line) });
  await startProjector(t, database, { projections: [next], autoRebuildMs: 100, logger });
  await waitFor(async () => (await findServed(database.pool, 'integration'))?.version === 2, {
    what: 'version 2',
    timeoutMs: 30_000,
  });
  await assertFolded(t, database.pool, [next]);
  t.match(lines.join(''), /"position":\d+,"msg":"begun anew: what was built is of other code"/);
});

t.test('what the same code has built is gone on with', async (t) => {
  const { rebuild, reached, leftovers, onLeftover } = await interrupt(t);
  let first = Number.POSITIVE_INFINITY;
  const outcomes = await rebuild([faulty], {
    code: 'first',
    onLeftover,
    onProgress: ({ position }) => {
      first = Math.min(first, position);
    },
  });
  t.match(outcomes.get('integration'), { kind: 'swapped' });
  t.same(leftovers, [{ projection: 'integration', version: 2, position: reached }]);
  t.ok(first > reached, `went on at ${first}`);
});

t.test('other code of the same version leaves alone what somebody is at work on', async (t) => {
  const { pool, rebuild } = await createRebuildingDatabase(t);
  let told: Promise<unknown> | undefined;
  const outcomes = await rebuild([next], {
    code: 'first',
    pageEvents: 100,
    memoryBytes: 1,
    onProgress: async () => {
      told ??= t.rejects(
        rebuild([faulty], { code: 'second' }),
        /a rebuild of integration is running already/,
      );
      await told;
    },
  });
  t.match(outcomes.get('integration'), { kind: 'swapped' });
  await assertFolded(t, pool, [next]);
});

t.test('code is another where what makes the rows is, and only there', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'hookfold-code-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ['projections', 'schemas', 'src'])
    cpSync(join(packageRoot(), folder), join(root, folder), { recursive: true });
  let code = codeOf(root, '.ts', root);
  t.equal(code, runningCode());
  function assertEdited(path: string, isOther: boolean): void {
    appendFileSync(join(root, path), '\n');
    const before = code;
    code = codeOf(root, '.ts', root);
    t.equal(code !== before, isOther, path);
  }
  for (const path of [
    ...['resource/projection.ts', 'resource/table.sql', 'scan-bodies.ts'].map(
      (name) => `projections/${name}`,
    ),
    ...['events.ts', 'text.ts', 'body-scan.ts', 'columns.ts'].map((name) => `schemas/${name}`),
    ...['log/copied-event.ts', 'projector/fold-page.ts', 'projector/key-map.ts'].map((name) => `src/${name}`),
    ...['log/read-run.ts', 'postgres/copy-out.ts'].map((name) => `src/${name}`),
    ...['page.ts', 'read-page.ts', 'run-reader-thread.ts'].map((name) => `src/projector/${name}`),
    ...['columns.ts', 'rows.ts', 'segment.ts'].map((name) => `src/read-models/${name}`),
  ])
    assertEdited(path, true);
  for (const path of [
    'schemas/configuration.ts',
    'src/main.ts',
    'src/projector/projector.ts',
    'src/read-models/migrations/0001-builds.sql',
  ])
    assertEdited(path, false);
});

/** `next` with a column more, which is part of its key. */
function widened(t: Test): EventProjection<IntegrationRow & { region: string }> {
  const sql = readFileSync(new URL('table.sql', integration.folder), 'utf8')
    .replace('(\n', '(\n  region text NOT NULL,\n')
    .replace('PRIMARY KEY (', 'PRIMARY KEY (region, ');
  return {
    ...next,
    row: Type.Object({ region: text(), ...integration.row.properties }),
    keyColumns: ['region', 'integration_id'],
    folder: pathToFileURL(`${t.testdir({ 'table.sql': sql })}/`),
    key: (event) => ['eu', ...integration.key(event)!],
    evolve: (row, event) => ({ ...next.evolve(row, event)!, region: 'eu' }),
  };
}

t.test('a version of another key is swapped in, its rows compared with none', async (t) => {
  const { rebuild } = await createRebuildingDatabase(t);
  const swapped = { kind: 'swapped', comparison: undefined, rekeyed: true, drift: false };
  const wide = widened(t);
  t.match((await rebuild([wide])).get('integration'), swapped, 'with a column more in its key');
  t.match((await rebuild([{ ...next, version: 3 }])).get('integration'), swapped, 'with one less');
  t.match((await rebuild([{ ...next, version: 4 }])).get('integration'), {
    comparison: { added: 0, removed: 0, changed: 0 },
    rekeyed: false,
  });
  await t.rejects(rebuild([{ ...wide, version: 4 }]), /another key .*Raise the version/);
});

t.test('a version before that is behind is named, its rows compared with none', async (t) => {
  const { pool, head, rebuild } = await createRebuildingDatabase(t);
  await appendBodies(pool, fixtureBodies().slice(0, 100));
  const outcomes = await rebuild([next]);
  t.match(outcomes.get('integration'), {
    kind: 'swapped',
    position: head + 100,
    comparison: undefined,
    lagging: { version: 1, position: head },
  });
  const lines: string[] = [];
  printOutcomes((line) => lines.push(line), outcomes, {});
  t.equal(lines.at(-1), `  version 1 stands at position ${head}: its rows could not be compared`);
});
