import type pg from 'pg';
import { sqlState } from './failure.js';

/**
 * Runs `work` in one transaction on a connection of its own, and answers its answer after the commit. A throw rolls
 * back. A connection that cannot even roll back is thrown away.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const answer = await work(client);
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    await client.query('ROLLBACK').catch((cause: Error) => {
      broken = cause;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

const CHECK_MS = 1000;
/** A server on a system that cannot tell whether a client is still there. */
const INVALID_VALUE = '22023';

/**
 * Has a long statement of the caller's transaction end soon after its client, if that is killed: else the server works
 * on to its end, and holds what the transaction has locked. From Postgres 14 on, where its system can tell.
 */
export async function endWithClient(client: pg.ClientBase): Promise<void> {
  await client.query('SAVEPOINT end_with_client');
  try {
    await client.query(
      `SELECT set_config(name, $1, true) FROM pg_settings WHERE name = 'client_connection_check_interval'`,
      [String(CHECK_MS)],
    );
  } catch (error) {
    if (sqlState(error) !== INVALID_VALUE) throw error;
    await client.query('ROLLBACK TO SAVEPOINT end_with_client');
  }
}
