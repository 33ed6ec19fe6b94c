// What stands in the way of a swap, and what two of them, or a swap and a rollback, do to each other.
import t, { type Test } from 'tap';
import type { EventProjection } from '../../projections/contract.js';
import { findProjection } from '../../projections/index.js';
import { integration } from '../../projections/integration/projection.js';
import type { IntegrationRow } from '../../projections/integration/rows.js';
import { acquireLease } from '../../src/postgres/lease.js';
import { endWithClient, inTransaction } from '../../src/postgres/transaction.js';
import type { Outcome } from '../../src/projector/rebuild/finish.js';
import { rollbackRebuild } from '../../src/projector/rebuild/rollback.js';
import { findBuild, findServed, lockServed, showBuild } from '../../src/read-models/build.js';
import { readProgress } from '../../src/read-models/progress.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { next } from './next-version.js';
import { createRebuildingDatabase } from './rebuilding.js';

const activity = findProjection('activity');
const third: EventProjection<IntegrationRow> = { ...next, version: 3 };

/** A database where `next` is served and version 1 is what it can go back to. */
async function createTwoVersions(t: Test) {
  const database = await createRebuildingDatabase(t);
  await database.rebuild([next]);
  const served = () => findServed(database.pool, 'integration');
  const tables = async () =>
    (
      await database.pool.query(
        `SELECT relname FROM pg_class WHERE relname ~ '^integration_v' AND relkind IN ('r', 'v') ORDER BY 1`,
      )
    ).rows.map(({ relname }): string => relname.replace(/_\d+$/, ''));
  return { ...database, served, tables };
}

t.test('one that cannot be swapped keeps no other from it', async (t) => {
  const { pool, rebuild, served } = await createTwoVersions(t);
  await pool.query('CREATE VIEW public.theirs AS SELECT customer_id FROM read_model.integration');
  const hiding = { ...third, internal: ['customer_id' as const] };
  const before = await findServed(pool, 'activity');
  const told: [string, string][] = [];
  const onOutcome = (name: string, { kind }: Outcome) => void told.push([name, kind]);
  await t.rejects(rebuild([hiding, activity], { onOutcome }), {
    message: /^integration: cannot drop view .*\nactivity: swapped$/,
  });
  t.strictSame(told, [['activity', 'swapped']]);
  t.match(await served(), { version: 2 });
  t.not((await findServed(pool, 'activity'))?.build_id, before?.build_id);
  await t.rejects(rebuild([hiding]), { code: '2BP01' });
  const failure = async () =>
    (await readProgress(pool, pool)).find(({ name }) => name === 'integration')?.rebuild?.failure;
  t.match(await failure(), /^cannot drop view/);
  await rebuild([hiding], { dryRun: true });
  t.equal(await failure(), null, 'nothing is in the way of a dry run');
  await pool.query('DROP VIEW public.theirs');
  t.match((await rebuild([hiding])).get('integration'), { kind: 'swapped' });
});

t.test('what stands in its way is met before rows are compared', async (t) => {
  const { pool, rebuild } = await createTwoVersions(t);
  await pool.query('CREATE VIEW public.theirs AS SELECT customer_id FROM read_model.integration');
  // A comparison, were there one, would be kept waiting by this.
  const { table_name } = (await findServed(pool, 'integration'))!;
  const holder = await pool.connect();
  await holder.query(`BEGIN; LOCK TABLE read_model."${table_name}"`);
  const hiding = { ...third, internal: ['customer_id' as const] };
  await t.rejects(rebuild([hiding]), { code: '2BP01' });
  await holder.query('COMMIT');
  holder.release();
});

t.test('a table of before that somebody reads does not stand in its way', async (t) => {
  const { pool, rebuild } = await createRebuildingDatabase(t);
  const first = (await findServed(pool, 'activity'))!;
  await rebuild([activity]);
  const reader = await pool.connect();
  await reader.query(`BEGIN; SELECT count(*) FROM read_model."${first.table_name}"`);
  t.match((await rebuild([activity])).get('activity'), { kind: 'swapped' });
  await reader.query('COMMIT');
  reader.release();
  const builds = async () =>
    (await pool.query(`SELECT count(*)::int AS builds FROM projector.build WHERE projection = 'activity'`))
      .rows[0].builds;
  t.equal(await builds(), 3, 'it is kept for now');
  await rebuild([activity]);
  t.equal(await builds(), 2, 'and dropped by the next swap');
});

t.test(
  'a rebuild of an older version takes nothing away from one that is swapped in meanwhile',
  async (t) => {
    const { pool, pools, rebuild, served } = await createTwoVersions(t);
    await rollbackRebuild(pools, next);
    const newer = (await findBuild(pool, next, 'live'))!;
    const swapping = await pool.connect();
    await swapping.query('BEGIN');
    await lockServed(swapping, 'integration');
    await showBuild(swapping, newer, true);
    const older = rebuild([integration]);
    const { rows } = await swapping.query('SELECT pg_backend_pid() AS pid');
    await waitFor(
      async () =>
        (
          await pool.query('SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))', [
            rows[0].pid,
          ])
        ).rowCount === 1,
      { what: 'the older to wait for the newer' },
    );
    await swapping.query('COMMIT');
    swapping.release();
    t.match((await older).get('integration'), { kind: 'swapped' });
    t.match(await served(), { version: 2, build_id: newer.build_id });
  },
);

t.test('a version that parks what the one before folded says how much', async (t) => {
  const { rebuild } = await createRebuildingDatabase(t);
  const failing: EventProjection<IntegrationRow> = {
    ...next,
    evolve(row, event) {
      if (event.event === 'integration_installed') throw new Error('a fault');
      return next.evolve(row, event);
    },
  };
  const outcome = (await rebuild([failing])).get('integration');
  t.ok(outcome?.kind === 'swapped' && outcome.parked.after > 0, 'it is swapped in');
  t.match(outcome, { parked: { before: 0 } });
});

t.test('a version that was taken back to stays, until a higher one is rebuilt by hand', async (t) => {
  const { pool, pools, rebuild, served } = await createTwoVersions(t);
  await rollbackRebuild(pools, next);
  const pinned = { version: 1, pinned: true };
  t.match(await served(), pinned);
  await rebuild([integration]);
  t.match(await served(), pinned, 'rebuilt in its own version');
  await rollbackRebuild(pools, next);
  t.match(await served(), pinned, 'taken back within its own version');
  const progress = await readProgress(pool, pool);
  t.match(
    progress.find(({ name }) => name === 'integration'),
    pinned,
  );
  await rebuild([next], { acceptDrift: true });
  t.match(await served(), { version: 2, pinned: false });
});

t.test('tables of versions that nobody can go back to are dropped, unless they are followed', async (t) => {
  const { pool, rebuild, tables } = await createTwoVersions(t);
  const both = ['integration_v1', 'integration_v1', 'integration_v2', 'integration_v2'];
  t.strictSame(await tables(), both, 'a table and a view each');
  const first = (await findBuild(pool, integration, 'live'))!;
  await acquireLease(pool, { name: `build:${first.build_id}:0/1`, owner: 'a projector', ttlMs: 10_000 });
  await rebuild([third]);
  t.strictSame(await tables(), [...both, 'integration_v3', 'integration_v3'], 'it is followed');
  await pool.query('UPDATE hookfold.lease SET expires_at = now()');
  await rebuild([{ ...next, version: 4 }]);
  t.strictSame(await tables(), ['integration_v3', 'integration_v3', 'integration_v4', 'integration_v4']);
});

t.test('one that hangs on somebody keeps no other from being dropped', async (t) => {
  const { pool, rebuild, tables } = await createTwoVersions(t);
  await pool.query('CREATE VIEW public.theirs AS SELECT integration_id FROM read_model.integration_v1');
  for (let round = 0; round < 3; round++) await rebuild([next], { acceptDrift: true });
  await rebuild([third]);
  await rebuild([third]);
  await rebuild([third]);
  const count = async (name: string) => (await tables()).filter((table) => table === name).length;
  t.equal(await count('integration_v1'), 2, 'the table and its view');
  t.equal(await count('integration_v2'), 2, 'the view, and what was served');
  t.equal(await count('integration_v3'), 3, 'and one retired');
});

t.test('an older version that is rebuilt by its own code keeps its new table', async (t) => {
  const { pool, rebuild, tables } = await createTwoVersions(t);
  const first = (await findBuild(pool, integration, 'live'))!;
  await acquireLease(pool, { name: `build:${first.build_id}:0/1`, owner: 'a projector', ttlMs: 10_000 });
  await rebuild([third]);
  t.match((await rebuild([integration])).get('integration'), { kind: 'swapped' });
  const again = await findBuild(pool, integration, 'live');
  t.ok(again && again.build_id !== first.build_id, 'it is live');
  t.ok((await tables()).includes('integration_v1'));
});

t.test('a statement of a client that was killed is ended, and holds nothing any more', async (t) => {
  const { pool } = await createTestDatabase(t);
  const pid = await new Promise<number>((resolve, reject) => {
    inTransaction(pool, async (client) => {
      await endWithClient(client);
      client.on('error', () => {});
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const sleeping = client.query('SELECT pg_sleep(600)');
      const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
      stream.destroy();
      resolve(rows[0].pid);
      await sleeping;
    }).catch(reject);
  });
  await waitFor(
    async () => (await pool.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0,
  );
});
