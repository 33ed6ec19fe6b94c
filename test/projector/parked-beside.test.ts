// Retries of parked events beside others: a swap that they waited for, a retry that goes silent.
import t from 'tap';
import type { EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import { createPool } from '../../src/postgres/connect.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { listDiscarded, noteDiscarded } from '../../src/projector/discarded.js';
import { discardParked, retryParked } from '../../src/projector/parked.js';
import { findBuild } from '../../src/read-models/build.js';
import { rebuildIn } from '../rebuild/rebuilding.js';
import { createSilentWay } from '../support/silent-way.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, BODIES, foldToHead, parkedOf } from './projecting.js';

const throwing = {
  ...integration,
  evolve() {
    throw new Error('no');
  },
} as unknown as EventProjection<never>;

async function park(database: TestDatabase): Promise<number> {
  await appendBodies(database.pool, BODIES.slice(0, 50));
  await foldToHead(database, { projections: [throwing] });
  return (await parkedOf(database.pool, [throwing])).length;
}

const HOLD = 'SELECT FROM projector.checkpoint WHERE build_id = $1 FOR UPDATE';

t.test('what has waited for a swap is done to the build that is live then', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const pools = { logPool: pool, readPool: pool };
  const count = await park(database);
  const before = (await findBuild(pool, throwing, 'live'))!;
  await rebuildIn(pool)([throwing]);
  const now = (await findBuild(pool, throwing, 'live'))!;
  const isWaitedFor = async () => {
    const { rows } = await pool.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  };
  const swap = (work: () => Promise<unknown>, from: number, to: number) =>
    inTransaction(pool, async (client) => {
      await client.query(HOLD, [from]);
      const done = work();
      done.catch(() => {});
      await waitFor(isWaitedFor);
      await client.query("UPDATE projector.build SET state = 'retired' WHERE build_id = $1", [from]);
      await client.query("UPDATE projector.build SET state = 'live' WHERE build_id = $1", [to]);
      return { done };
    });
  const { position } = (await parkedOf(pool, [throwing]))[0]!;
  const event = { projection: 'integration', position };
  const discarding = await swap(() => discardParked(pools, [throwing], event), now.build_id, before.build_id);
  await discarding.done;
  const left = await parkedOf(pool, [throwing]);
  t.equal(left.length, count - 1);
  t.notOk(left.some((parked) => parked.position === position));

  const retrying = await swap(() => retryParked(pools, [integration]), before.build_id, now.build_id);
  t.match(await retrying.done, [{ folded: count, parked: 0 }]);
  t.same(await parkedOf(pool, [throwing]), []);
});

t.test('a retry that goes silent holds the read model no longer than a while', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await park(database);
  const { build_id } = (await findBuild(pool, throwing, 'live'))!;
  const way = await createSilentWay(t, database.url);
  const logPool = createPool(way.url, { max: 1 });
  await logPool.query('SELECT 1');
  way.fallSilent();
  const retrying = retryParked({ logPool, readPool: pool }, [integration]);
  retrying.catch(() => {});
  const isHeld = async () => {
    const { rows } = await pool.query(`${HOLD} SKIP LOCKED`, [build_id]);
    return rows.length === 0;
  };
  await waitFor(isHeld);
  await waitFor(async () => !(await isHeld()), { timeoutMs: 60_000 });
  t.pass('its transaction was ended');
});

t.test("a discard of another log's event at the same position is told as what it is", async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await park(database);
  const { build_id } = (await findBuild(pool, throwing, 'live'))!;
  const { position } = (await parkedOf(pool, [throwing]))[0]!;
  const discard = (event_id: string) =>
    inTransaction(pool, (client) => noteDiscarded(client, build_id, { position, event_id }));
  await discard('0190a000-0000-7000-8000-000000000001');
  const [lost] = await listDiscarded(pool, [throwing]);
  await pool.query("UPDATE projector.parked SET event = 'another', reason = 'another'");
  await discard('0190a000-0000-7000-8000-000000000002');
  const [now, ...more] = await listDiscarded(pool, [throwing]);
  t.match(now, { position, event: 'another', reason: 'another' });
  t.ok(now!.discarded_at > lost!.discarded_at);
  t.same(more, []);
});
