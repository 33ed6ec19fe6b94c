import pino from 'pino';
import t from 'tap';
import { PROJECTIONS } from '../../projections/index.js';
import { readHead } from '../../src/log/read-log.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createSilentWay } from '../support/silent-way.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, assertFolded, BODIES, startProjector } from './projecting.js';

const PATIENCE = { statementMs: 2000, lockMs: 500 };

async function isFollowed({ pool }: Pick<TestDatabase, 'pool'>): Promise<boolean> {
  const head = await readHead(pool);
  const { rows } = await pool.query('SELECT min(position) AS position, count(*) FROM projector.checkpoint');
  return rows[0].count >= PROJECTIONS.length && rows[0].position === head;
}

t.test('a projector whose servers vanish without a word follows by new connections', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const [logWay, readWay] = [await createSilentWay(t, database.url), await createSilentWay(t, database.url)];
  const urls = { databaseUrl: logWay.url, readDatabaseUrl: readWay.url };
  const service = await startProjector(t, database, { ...urls, patience: PATIENCE, leaseTtlMs: 2000 });
  await appendBodies(pool, BODIES.slice(0, 300));
  await waitFor(() => isFollowed(database), { what: 'the first events to be folded' });

  for (const [index, way] of [logWay, readWay].entries()) {
    way.fallSilent();
    await appendBodies(pool, BODIES.slice(300 * (index + 1), 300 * (index + 2)));
    const what = `events to be folded after silence ${index + 1}`;
    await waitFor(() => isFollowed(database), { what, timeoutMs: 30_000 });
  }
  await assertFolded(t, pool);

  logWay.fallSilent();
  readWay.fallSilent();
  await service.stop();
  t.pass('it stops in silence, too');
});

t.test(
  'behind a lock that is held longer, one connection waits at a time, and it is told as no error',
  async (t) => {
    const database = await createTestDatabase(t);
    const { pool } = database;
    const told: { level: number; msg: string }[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void told.push(JSON.parse(line)) });
    await startProjector(t, database, { patience: PATIENCE, logger });
    await appendBodies(pool, BODIES.slice(0, 300));
    await waitFor(() => isFollowed(database));

    const waiting = async () => {
      const { rows } = await pool.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return rows.map(({ pid }) => pid as number);
    };
    let turns = 0;
    await inTransaction(pool, async (client) => {
      await client.query('SELECT FROM projector.checkpoint FOR UPDATE'); // As a comparison before a swap does.
      await appendBodies(pool, BODIES.slice(300, 600));
      let wasWaiting = false;
      await waitFor(
        async () => {
          const now = await waiting();
          if (now.length > 1) t.fail(`${now.length} connections wait`);
          if (wasWaiting && now.length === 0) turns += 1;
          wasWaiting = now.length > 0;
          return turns >= 3;
        },
        { what: 'it to have given the lock up three times', everyMs: 5, timeoutMs: 30_000 },
      );
    });
    await waitFor(() => isFollowed(database));
    await assertFolded(t, pool);
    t.ok(told.length >= 3);
    t.ok(told.every(({ level, msg }) => level === 40 && /holds the checkpoints/.test(msg)));
  },
);
