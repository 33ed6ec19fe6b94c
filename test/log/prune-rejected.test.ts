import fc from 'fast-check';
import t from 'tap';
import { pruneRejected } from '../../src/log/prune-rejected.js';
import { keepRejected, listRejected, type NewRejected } from '../../src/log/rejected.js';
import { createPatientPool } from '../../src/postgres/patience.js';
import { createTestDatabase } from '../support/test-database.js';

const rejected = (bytes: number): NewRejected => ({
  source: 's',
  reason: 'not_json',
  detail: '',
  delivery_id: null,
  headers: '{}',
  body: Buffer.alloc(bytes, 'x'),
  body_length: bytes,
});
const MANY = `INSERT INTO rejected_webhook (rejected_at, source, reason, detail, headers, body, body_length)
  SELECT now() - $2 * interval '1 day', 's', 'not_json', '', '{}', convert_to(repeat('x', $3), 'UTF8'), $3
  FROM generate_series(1, $1)`;

t.test('more than one step takes is removed, by age and by size, and by two at once', async (t) => {
  const { pool } = await createTestDatabase(t);
  const bounds = { days: 30, totalBytes: 6000 * 600 };
  const count = async () => Number((await pool.query('SELECT count(*) FROM rejected_webhook')).rows[0].count);
  await pool.query(MANY, [2500, 31, 100]);
  await pool.query(MANY, [9000, 29, 100]);
  t.equal(await pruneRejected(pool, bounds), 5500);
  t.equal(await count(), 6000);
  const { rows } = await pool.query('SELECT min(id) AS first FROM rejected_webhook');
  t.equal(rows[0].first, 5501, 'the newest are left');
  t.equal(await pruneRejected(pool, bounds), 0);

  await pool.query(MANY, [20, 29, 5_000_000]);
  await pool.query(MANY, [6000, 31, 100]);
  const removed = await Promise.all([pruneRejected(pool, bounds), pruneRejected(pool, bounds)]);
  while ((await count()) > 0) removed.push(await pruneRejected(pool, bounds));
  t.equal(
    removed.reduce((sum, some) => sum + some),
    12_020,
    'each was counted once',
  );
});

t.test('of any sizes the newest stay that have room', async (t) => {
  const { pool } = await createTestDatabase(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(2000), { minLength: 1, maxLength: 20 }),
      fc.nat(20_000),
      async (sizes, bytes) => {
        await pool.query('TRUNCATE rejected_webhook');
        await keepRejected(pool, sizes.map(rejected));
        let room = bytes;
        const stay = sizes.reverse().findIndex((size) => {
          room -= size + 500;
          return room < 0;
        });
        await pruneRejected(pool, { days: 1, totalBytes: bytes });
        const left = (await listRejected(pool)).map(({ kept_length }) => kept_length);
        t.same(left, stay < 0 ? sizes : sizes.slice(0, stay));
      },
    ),
    { numRuns: 30 },
  );
});

t.test('what would take longer than a statement may is removed all the same', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await pool.query(MANY, [20_000, 31, 100]);
  await pool.query(`CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.001); RETURN OLD; END $$`);
  await pool.query(`CREATE TRIGGER slow BEFORE DELETE ON rejected_webhook
    FOR EACH ROW WHEN (OLD.id % 10 = 0) EXECUTE FUNCTION take_long()`);
  const hasty = createPatientPool(url, { statementMs: 1000 });
  t.teardown(() => hasty.end());
  t.equal(await pruneRejected(hasty), 20_000);
});
