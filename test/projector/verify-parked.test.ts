// Verification beside parked events: their keys are passed over, and are no load.
import type pg from 'pg';
import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { keyId, keyOfRow } from '../../projections/key.js';
import { createPool } from '../../src/postgres/connect.js';
import { verifyProjection } from '../../src/projector/verify/verify-projection.js';
import { findBuild } from '../../src/read-models/build.js';
import { fillLog } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { updated } from '../support/query-webhooks.js';
import { createTestDatabase } from '../support/test-database.js';
import { readRows } from './projecting.js';

const RESOURCES = 170;

/** Bytes that were received over the one connection of a pool. */
async function received(pool: pg.Pool): Promise<number> {
  const client = await pool.connect();
  client.release();
  return (client as unknown as { connection: { stream: { bytesRead: number } } }).connection.stream.bytesRead;
}

t.test('parked keys are passed over, and are read once, however many rows there are', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const bodies = Array.from({ length: 400 }, (_, n) => updated(`r${n % RESOURCES}`, n));
  await fillLog(pool, bodies);
  await fillReadModels({ log: pool });
  const readPool = createPool(url, { max: 1 });
  t.teardown(() => readPool.end());
  for (const name of ['resource', 'integration', 'activity']) {
    const projection = findProjection(name);
    const { build_id } = (await findBuild(pool, projection, 'live'))!;
    const verify = async () => {
      const before = await received(readPool);
      const verdict = await verifyProjection(projection, { logPool: pool, readPool });
      return { ...verdict, bytes: (await received(readPool)) - before };
    };
    const whole = await verify();
    const [row] = (await readRows(pool, projection)).values();
    const keys = Array.from({ length: 300 }, (_, n) => `${n}`.padEnd(100, '-'));
    keys.push(keyId(keyOfRow(projection, row!)));
    await pool.query(
      `INSERT INTO projector.parked (build_id, position, key_id, event, reason)
       SELECT $1, nth, key, 'event', 'reason' FROM unnest($2::text[]) WITH ORDINALITY AS k (key, nth)`,
      [build_id, keys],
    );
    const verdict = await verify();
    t.match(verdict, { checked: whole.checked - 1, parked: 1, drifted: 0 }, name);
    const grown = verdict.bytes - whole.bytes;
    t.ok(grown < 2 * keys.join().length, `${name}: ${grown} bytes more`);
  }
});
