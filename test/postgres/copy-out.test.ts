import t from 'tap';
import { type CopiedRows, copyOut } from '../../src/postgres/copy-out.js';
import { createTestDatabase } from '../support/test-database.js';

/** The first column of each row, an int4, and the text in the second. */
function valuesOf({ bytes, starts }: CopiedRows): [number, string][] {
  return Array.from(starts, (start) => {
    const length = bytes.readInt32BE(start + 10);
    return [bytes.readInt32BE(start + 6), bytes.toString('utf8', start + 14, start + 14 + length)];
  });
}

const textOf = (n: number, length: number) => `${n}é`.repeat(length);

t.test('rows of any size come whole and in order, however small the guess of their size is', async (t) => {
  const { pool } = await createTestDatabase(t);
  // Longer and shorter than what a socket gives at once.
  const lengths = Array.from({ length: 600 }, (_, n) => (n % 97 === 0 ? 70_000 : (n * 37) % 900));
  const list = lengths.map((length, n) => `(${n}, ${length})`).join(', ');
  const query = `SELECT n, repeat(n || 'é', length) FROM (VALUES ${list}) v(n, length) ORDER BY n`;
  for (const guess of [0, 1000, 50_000_000]) {
    const values = valuesOf(await copyOut(pool, query, guess));
    t.equal(values.length, lengths.length);
    t.ok(values.every(([n, text], at) => n === at && text === textOf(n, lengths[n]!)));
  }
  const none = await copyOut(pool, `${query} LIMIT 0`, 100);
  t.equal(none.starts.length, 0);
});

t.test(
  'a query that fails, at once or half-way, is told with its SQLSTATE and costs no connection',
  async (t) => {
    const { url } = await createTestDatabase(t);
    const { createPool } = await import('../../src/postgres/connect.js');
    const pool = createPool(url, { max: 1 });
    t.teardown(() => pool.end());
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
    await t.rejects(copyOut(pool, 'SELECT nothing', 0), { code: '42703' });
    await t.rejects(
      copyOut(pool, 'SELECT 1 / (5000 - n), repeat($$x$$, 1000) FROM generate_series(1, 9000) n', 0),
      {
        code: '22012',
      },
    );
    t.same((await pool.query('SELECT pg_backend_pid() AS pid')).rows, rows);
  },
);

t.test('a connection that is lost in the middle is told', async (t) => {
  const { pool } = await createTestDatabase(t);
  const query = `SELECT CASE WHEN n = 3000 THEN pg_terminate_backend(pg_backend_pid()) END, repeat('x', 1000)
    FROM generate_series(1, 9000) n`;
  await t.rejects(copyOut(pool, query, 0), { code: '57P01' });
  t.equal((await copyOut(pool, "SELECT 1, 'x'", 0)).starts.length, 1, 'the pool goes on with another');
});
