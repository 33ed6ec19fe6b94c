// The events of an integration, page by page.
import type pg from 'pg';
import t from 'tap';
import { readHistory, readPositions } from '../../src/log/read-history.js';
import { fillLog } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { I, updated } from '../support/query-webhooks.js';
import { createTestDatabase } from '../support/test-database.js';

const MEGABYTE = 1024 * 1024;
/** A page and a partition. */
const HEAD = 5 * SIZE + 20;

t.test('pages are bounded in bytes, however well their bodies compress, and leave nothing out', async (t) => {
  const { pool } = await createTestDatabase(t);
  const lengths = [...Array(60).fill(10), 3, 3, 0.5, 6, 0.5, 0.5, ...Array(60).fill(0.4), 5].map((size) =>
    size === 10 ? 10 : size * MEGABYTE,
  );
  const head = await fillLog(
    pool,
    lengths.map((length, n) => updated(`r${n % 3}`, 'x'.repeat(length))),
  );
  const resources = [1, 2, 3].map((type) => ({ type: 'crm contact/ü', resource_id: `r${type - 1}` }));
  const all = Array.from({ length: head }, (_, n) => n + 1);
  const readings = {
    integration: readHistory(pool, { integration_id: I }, head),
    resources: readHistory(pool, { integration_id: I, resources }, head),
    positions: readPositions(pool, all),
  };
  for (const [name, pages] of Object.entries(readings)) {
    const positions: number[] = [];
    for await (const events of pages) {
      const bytes = events.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
      t.ok(events.length === 1 || bytes <= 4 * MEGABYTE, `${name}: ${events.length} events, ${bytes} bytes`);
      positions.push(...events.map(({ position }) => position));
    }
    t.strictSame(positions, all, name);
  }
});

t.test('an event that goes while its history is read is not passed over', async (t) => {
  const { database, detach } = await createPartitionedLog(t);
  await fillLog(
    database.pool,
    Array.from({ length: HEAD }, (_, n) => updated('r', n)),
  );
  const pages = readHistory(database.pool, { integration_id: I }, HEAD);
  t.equal((await pages.next()).value?.[0]?.position, 1);
  await detach(5 * SIZE + 1);
  const rest = async () => {
    for await (const _ of pages);
  };
  await t.rejects(rest(), { code: 'HOOKFOLD_EVENT_MISSING', position: 5 * SIZE + 1 });
});

t.test('a part of the log that comes back while its keys are looked for is not passed over', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  const { pool } = database;
  await fillLog(
    pool,
    Array.from({ length: HEAD }, (_, n) => updated('r', n)),
  );
  await detach(SIZE + 1);
  // Attached in the moment after the reading.
  const query = async (text: string, values: unknown[]) => {
    const answer = await pool.query(text, values);
    if (text.includes('hashtextextended')) await attach(SIZE + 1);
    return answer;
  };
  const pages = readHistory({ query } as unknown as pg.Pool, { integration_id: I }, HEAD);
  await t.rejects(pages.next(), { code: 'HOOKFOLD_EVENT_MISSING', position: SIZE + 1 });
});
