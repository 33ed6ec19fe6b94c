import t from 'tap';
import { createPool } from '../../src/postgres/connect.js';
import { type CopiedRows, copyOut } from '../../src/postgres/copy-out.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';

/** The first column of each row, an int4, and the text in the second. */
function valuesOf({ bytes, starts }: CopiedRows): [number, string][] {
  return Array.from(starts, (start) => {
    const length = bytes.readInt32BE(start + 10);
    return [bytes.readInt32BE(start + 6), bytes.toString('utf8', start + 14, start + 14 + length)];
  });
}

const room = (bytes: number) => Buffer.allocUnsafeSlow(bytes);
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
const textOf = (n: number, length: number) => `${n}é`.repeat(length);

t.test('rows of any size come whole and in order, however small the room for them is', async (t) => {
  const { pool } = await createTestDatabase(t);
  // Longer and shorter than what a socket gives at once.
  const lengths = Array.from({ length: 600 }, (_, n) => (n % 97 === 0 ? 70_000 : (n * 37) % 900));
  const list = lengths.map((length, n) => `(${n}, ${length})`).join(', ');
  const query = `SELECT n, repeat(n || 'é', length) FROM (VALUES ${list}) v(n, length) ORDER BY n`;
  for (const bytes of [0, 1000, 50_000_000]) {
    const values = valuesOf(await copyOut(pool, query, room(bytes)));
    t.equal(values.length, lengths.length);
    t.ok(values.every(([n, text], at) => n === at && text === textOf(n, lengths[n]!)));
  }
  const none = await copyOut(pool, `${query} LIMIT 0`, room(100));
  t.equal(none.starts.length, 0);
});

t.test(
  'a query that fails, at once or half-way, is told with its SQLSTATE and costs no connection',
  async (t) => {
    const { url } = await createTestDatabase(t);
    const pool = createPool(url, { max: 1 });
    t.teardown(() => pool.end());
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
    await t.rejects(copyOut(pool, 'SELECT nothing', room(0)), { code: '42703' });
    await t.rejects(
      copyOut(pool, 'SELECT 1 / (5000 - n), repeat($$x$$, 1000) FROM generate_series(1, 9000) n', room(0)),
      {
        code: '22012',
      },
    );
    t.same((await pool.query('SELECT pg_backend_pid() AS pid')).rows, rows);
  },
);

t.test('what comes between the rows reaches the connection, which goes on as before', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  await pool.query(`CREATE FUNCTION said(n int) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE NOTICE 'row %', n; RETURN repeat('x', 1000); END$$`);
  const notices: string[] = [];
  pool.on('acquire', (client) => client.on('notice', ({ message }) => notices.push(message!)));
  const { starts } = await copyOut(pool, 'SELECT n, said(n) FROM generate_series(1, 300) n', room(0));
  t.equal(starts.length, 300);
  t.equal(notices.length, 300);
  t.equal(notices[299], 'row 300');
  t.same((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  t.equal((await copyOut(pool, 'SELECT 1', room(0))).starts.length, 1);
});

t.test('a connection that is lost in the middle is told', async (t) => {
  const { pool } = await createTestDatabase(t);
  const query = `SELECT CASE WHEN n = 3000 THEN pg_terminate_backend(pg_backend_pid()) END, repeat('x', 1000)
    FROM generate_series(1, 9000) n`;
  await t.rejects(copyOut(pool, query, room(0)), { code: '57P01' });
  t.equal((await copyOut(pool, "SELECT 1, 'x'", room(0))).starts.length, 1, 'the pool goes on with another');
});

t.test('the room given is used where the rows fit', async (t) => {
  const { pool } = await createTestDatabase(t);
  const given = room(400);
  t.equal((await copyOut(pool, "SELECT 1, 'x'", given)).bytes, given);
});

t.test('a query that does not answer in time fails, and its connection is not used again', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1, query_timeout: 200 });
  t.teardown(() => pool.end());
  await t.rejects(copyOut(pool, 'SELECT pg_sleep(20)', room(64)), /timeout/);
  t.equal(pool.totalCount, 0);
  t.equal(
    (await copyOut(pool, 'SELECT 1', room(64))).starts.length,
    1,
    'the next has a connection of its own',
  );
});

t.test('where the time is over between two rows, the connection is given up, and nothing else', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1, query_timeout: 300 });
  t.teardown(() => pool.end());
  const slowly = "SELECT n, repeat('x', 3000), pg_sleep(0.01) FROM generate_series(1, 5000) n";
  await t.rejects(copyOut(pool, slowly, room(64)), /timeout/);
  t.equal(pool.totalCount, 0);
  t.equal((await copyOut(pool, 'SELECT 1', room(64))).starts.length, 1);
});

t.test('a query that was answered leaves no timer behind, which would hold on to its rows', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1, query_timeout: 60_000, idleTimeoutMillis: 0 });
  t.teardown(() => pool.end());
  await copyOut(pool, 'SELECT 1', room(64));
  const before = timers();
  for (let turn = 0; turn < 10; turn++) await copyOut(pool, 'SELECT 1', room(64));
  await t.rejects(copyOut(pool, 'SELECT 1 / 0', room(64)));
  t.ok(timers() <= before);
});

t.test('rows beyond the bound are left out, and the connection is kept where they are few', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  const pid = async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  const first = await pid();
  const rowsOf = (count: number, length: number) =>
    `SELECT n, repeat('x', ${length}) FROM generate_series(0, ${count - 1}) n`;
  for (const bytes of [0, 1_000_000]) {
    const rows = await copyOut(pool, rowsOf(150, 1000), room(bytes), 100_000);
    const values = valuesOf(rows);
    t.equal(rows.isCut, true);
    t.equal(values.length, 98, 'of 1,019 bytes each');
    t.ok(values.every(([n, text], at) => n === at && text === 'x'.repeat(1000)));
    t.ok(rows.end <= 100_000);
  }
  t.equal((await copyOut(pool, rowsOf(98, 1000), room(0), 100_000)).isCut, false);
  t.equal((await copyOut(pool, rowsOf(99, 1000), room(0), 100_000)).starts.length, 98);
  t.equal(await pid(), first);
  t.equal((await copyOut(pool, rowsOf(2, 300_000), room(0), 10)).starts.length, 1, 'one in any case');
});

t.test('behind the bound a large answer is not waited for', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  // Two terabytes.
  const endless = "SELECT generate_series(0, 2000000000) AS n, repeat('x', 1000)";
  const rows = await copyOut(pool, endless, room(0), 100_000);
  t.equal(rows.starts.length, 98);
  t.ok(rows.bytes.length < 1_000_000, 'what is left out takes no memory');
  t.equal(pool.totalCount, 0);
  t.equal((await copyOut(pool, 'SELECT 1', room(64))).starts.length, 1, 'the pool goes on with another');
  const query = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT generate_series%'";
  await waitFor(async () => (await pool.query(query)).rows.length === 0);
});

t.test('an error behind the bound is no error of what came before', async (t) => {
  const { pool } = await createTestDatabase(t);
  const query = `SELECT n / CASE WHEN n = 120 THEN 0 ELSE 1 END, repeat('x', 1000) FROM generate_series(0, 1000) n`;
  t.equal((await copyOut(pool, query, room(0), 100_000)).starts.length, 98);
  await t.rejects(copyOut(pool, query, room(0), 200_000), { code: '22012' });
});
