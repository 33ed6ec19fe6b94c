import t from 'tap';
import { createPool } from '../../src/postgres/connect.js';
import { withClient } from '../../src/postgres/pipeline.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('a connection that dies while it is lent rejects the work on it, and ends nothing else', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = createPool(url, { max: 1 });
  t.teardown(() => pool.end());
  const dying = (client: { query(text: string): Promise<unknown> }) =>
    client.query('SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)');
  for (const lend of [withClient, inTransaction]) {
    await t.rejects(lend(pool, dying), { code: '57P01' });
    const { rows } = await pool.query('SELECT 1 AS one');
    t.same(rows, [{ one: 1 }], 'the pool goes on with another connection');
  }
});
