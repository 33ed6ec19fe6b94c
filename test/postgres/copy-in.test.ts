import type pg from 'pg';
import t, { type Test } from 'tap';
import { binaryArray } from '../../src/postgres/binary-array.js';
import { createPool } from '../../src/postgres/connect.js';
import { type CopiedColumn, copyIn } from '../../src/postgres/copy-in.js';
import { createTestDatabase } from '../support/test-database.js';

interface Row {
  n: number;
  text: string | null;
  list?: string[];
}

const COLUMNS: CopiedColumn<Row>[] = [
  { name: '"n"', type: 'int8', read: ({ n }) => n },
  { name: '"text"', type: 'text', read: ({ text }) => text },
  { name: '"list"', type: 'bytea', read: ({ list }) => (list ? binaryArray('text', list) : null) },
];

async function oneConnection(
  t: Test,
): Promise<{ pool: pg.Pool; client: pg.PoolClient; count(): Promise<number> }> {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 2 });
  const client = await pool.connect();
  t.teardown(async () => {
    client.release();
    await pool.end();
  });
  await client.query('CREATE TABLE copied (n bigint PRIMARY KEY, text text, list text[])');
  const count = async () => (await pool.query('SELECT count(*) AS n FROM copied')).rows[0].n;
  return { pool, client, count };
}

t.test('rows of any size arrive as they are', async (t) => {
  const { client } = await oneConnection(t);
  // Longer than a message, and than what may be unsent.
  const lengths = [0, 1, 300_000, 5_000_000, ...Array.from({ length: 3000 }, (_, n) => (n * 37) % 900)];
  const rows = lengths.map(
    (length, n): Row => ({ n: 2 ** 40 + n, text: 'é'.repeat(length), list: ['a,"', `${n}`] }),
  );
  rows.push({ n: -1, text: null });
  await copyIn(client, 'copied', COLUMNS, rows);
  await copyIn(client, 'copied', COLUMNS, []);
  const got = (await client.query('SELECT * FROM copied ORDER BY n')).rows;
  const want = [rows.at(-1)!, ...rows.slice(0, -1)].map((row) => ({ list: null, ...row }));
  t.equal(got.length, want.length);
  t.ok(got.every((row, at) => row.n === want[at]!.n && row.text === want[at]!.text));
  t.same(got[5].list, want[5]!.list);
  t.equal(got[0].list, null);
});

t.test(
  'what Postgres refuses is told with its SQLSTATE, copies nothing, and costs no connection',
  async (t) => {
    const { client, count } = await oneConnection(t);
    const rows = Array.from({ length: 20_000 }, (_, n): Row => ({ n: n % 15_000, text: 'x'.repeat(1000) }));
    await t.rejects(copyIn(client, 'copied', COLUMNS, rows), { code: '23505' });
    await t.rejects(copyIn(client, 'nowhere', COLUMNS, rows), { code: '42P01' });
    t.equal(await count(), 0);
    await copyIn(client, 'copied', COLUMNS, rows.slice(0, 10));
    t.equal(await count(), 10);
  },
);

t.test(
  'a value that cannot be encoded is told as it was thrown, copies nothing, and costs no connection',
  async (t) => {
    const { client, count } = await oneConnection(t);
    const read = ({ n }: Row) => {
      if (n === 9000) throw new RangeError('no such value');
      return n;
    };
    const rows = Array.from({ length: 10_000 }, (_, n): Row => ({ n, text: 'x'.repeat(1000) }));
    const columns = [{ ...COLUMNS[0]!, read }, ...COLUMNS.slice(1)];
    await t.rejects(copyIn(client, 'copied', columns, rows), RangeError);
    t.equal(await count(), 0);
    await copyIn(client, 'copied', COLUMNS, rows.slice(0, 10));
    t.equal(await count(), 10);
  },
);

t.test('a connection that is lost half-way is told, and nothing was copied', async (t) => {
  const { pool, client, count } = await oneConnection(t);
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  const text = 'x'.repeat(1000);
  // It does not end before the connection does.
  function* endless(): Generator<Row> {
    for (let n = 0; ; n++) {
      if (n === 5000) pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]).catch(() => {});
      yield { n, text };
    }
  }
  await t.rejects(copyIn(client, 'copied', COLUMNS, endless()));
  t.equal(await count(), 0);
});
