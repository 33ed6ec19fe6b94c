import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { stopClocks } from './connect.js';
import { inTransaction } from './transaction.js';

/** A cancellation that met no statement is void: the next one is met so soon. */
const AGAIN_MS = 200;

/**
 * Runs `work` in one transaction, as `inTransaction` does, whose statements take as long as they take, and cancels them
 * once `signal` is aborted: who stops does not wait for them. Throws the signal's reason then, and nothing is committed.
 */
export async function inAbortableTransaction<T>(
  pool: pg.Pool,
  signal: AbortSignal | undefined,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(pool, async (client) => {
      await client.query(stopClocks('transaction'));
      const guard = signal && (await cancelOnAbort(pool, client, signal));
      const answer = await work(client).finally(() => guard?.end());
      signal?.throwIfAborted(); // Where it met no statement any more: nothing is committed.
      return answer;
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

// By another connection, as Postgres asks for. What was sent is waited for, so that it meets nobody else's statement.
async function cancelOnAbort(pool: pg.Pool, client: pg.ClientBase, signal: AbortSignal) {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  let ended = false;
  let cancelling: Promise<void> | undefined;
  async function cancel(): Promise<void> {
    for (; !ended; await delay(AGAIN_MS))
      await pool.query('SELECT pg_cancel_backend($1)', [rows[0]!.pid]).catch(() => {});
  }
  const onAbort = () => {
    cancelling ??= cancel();
  };
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  async function end(): Promise<void> {
    ended = true;
    signal.removeEventListener('abort', onAbort);
    await cancelling;
  }
  return { end };
}
