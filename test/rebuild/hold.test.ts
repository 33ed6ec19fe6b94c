// The leases of a rebuild after the database stood still for longer than they live.
import pino from 'pino';
import t, { type Test } from 'tap';
import { findProjection } from '../../projections/index.js';
import { holdRebuild } from '../../src/projector/rebuild/hold.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { createRebuildingDatabase } from './rebuilding.js';

const options = { logger: pino({ level: 'silent' }) };
const resource = { name: 'resource', version: 1 };
const activity = { name: 'activity', version: 1 };

async function setUp(t: Test) {
  const { pool } = await createTestDatabase(t);
  /** As it is found by a database that answers again. */
  const expire = (name: string) =>
    pool.query("UPDATE hookfold.lease SET expires_at = '-infinity' WHERE name = $1", [`rebuild:${name}:v1`]);
  async function isRunning(name: string): Promise<boolean> {
    const { rows } = await pool.query('SELECT projector.is_rebuilding($1, 1) AS running', [name]);
    return rows[0].running;
  }
  return { pool, expire, isRunning };
}

t.test('a rebuild whose lease expired takes it again, and keeps others out as before', async (t) => {
  const { pool, expire, isRunning } = await setUp(t);
  const hold = await holdRebuild(pool, [resource, activity], options);
  await expire('resource');
  t.equal(await isRunning('resource'), false);
  await waitFor(() => isRunning('resource'));
  t.equal(hold.signal.aborted, false);
  await t.rejects(holdRebuild(pool, [resource], options), { code: 'HOOKFOLD_REBUILD_RUNNING' });

  await hold.release();
  t.equal(await isRunning('resource'), false, 'what was taken again is given back');
  t.equal(await isRunning('activity'), false);
});

t.test('a rebuild whose expired lease another took is told, and leaves it to the other', async (t) => {
  const { pool, expire, isRunning } = await setUp(t);
  const hold = await holdRebuild(pool, [resource, activity], options);
  await expire('resource');
  const other = await holdRebuild(pool, [resource], options);
  await waitFor(() => hold.signal.aborted);
  t.match(hold.signal.reason, {
    code: 'HOOKFOLD_REBUILD_RUNNING',
    projection: 'resource',
    message: /^this rebuild of resource ends: .* another process took it\. Follow it with hookfold status\.$/,
  });
  t.equal(await isRunning('activity'), true, 'the others are held until it has ended');

  await hold.release();
  t.equal(await isRunning('resource'), true);
  t.equal(await isRunning('activity'), false);
  t.equal(other.signal.aborted, false);
  await other.release();
});

t.test('of two rebuilds of the same read models, named in another order, one goes on', async (t) => {
  const { pool } = await setUp(t);
  // Connected before, so that neither is done before the other begins.
  const clients = await Promise.all([pool.connect(), pool.connect()]);
  for (const client of clients) client.release();
  const both = await Promise.allSettled([
    holdRebuild(pool, [resource, activity], options),
    holdRebuild(pool, [activity, resource], options),
  ]);
  for (const one of both) if (one.status === 'fulfilled') await one.value.release();
  t.strictSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.match(
    both.find(({ status }) => status === 'rejected'),
    { reason: { code: 'HOOKFOLD_REBUILD_RUNNING' } },
  );
});

t.test('a rebuild whose expired lease another took ends, and says so', async (t) => {
  const { pool, rebuild } = await createRebuildingDatabase(t);
  const said: string[] = [];
  let pages = 0;
  const running = rebuild([findProjection('resource')], {
    logger: pino({ level: 'warn' }, { write: (line) => void said.push(line) }),
    async onProgress() {
      if (pages++ > 0) return;
      await pool.query(
        "UPDATE hookfold.lease SET expires_at = '-infinity' WHERE name = 'rebuild:resource:v1'",
      );
      const other = await holdRebuild(pool, [resource], { logger: pino({ level: 'silent' }) });
      t.teardown(other.release);
      await waitFor(() => said.some((line) => line.includes('another process took it')));
    },
  });
  await t.rejects(running, {
    code: 'HOOKFOLD_REBUILD_RUNNING',
    message: /^this rebuild of resource ends/,
  });
  t.equal(pages, 1);
});
