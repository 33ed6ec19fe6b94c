import t from 'tap';
import { isRefusedData, sqlState } from '../../src/postgres/failure.js';
import { createTestDatabase } from '../support/test-database.js';

t.test('what Postgres says has an SQLSTATE, and what the system says of a connection has none', async (t) => {
  const { pool } = await createTestDatabase(t);
  const refused = await pool.query('SELECT 1 / 0').catch((error) => error);
  t.equal(sqlState(refused), '22012');
  t.ok(isRefusedData(refused));
  const raised = await pool.query(`DO $$ BEGIN RAISE SQLSTATE 'HF002'; END $$`).catch((error) => error);
  t.equal(sqlState(raised), 'HF002');
  for (const code of ['EPIPE', 'ECONNRESET'])
    t.equal(sqlState(Object.assign(new Error(), { code })), undefined);
});
