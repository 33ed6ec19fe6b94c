import type pg from 'pg';
import { isRefusedData } from './failure.js';

/** A connection of a pool that is kept while statement follows statement. One piece of work at a time. */
export interface KeptConnection {
  /**
   * Calls `work` with the connection: in this very turn where one is kept, else once the pool lends one. Throws what
   * `work` or the pool throws; unless the data were at fault, the next work gets another connection.
   */
  run<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Gives it back to the pool. Not while work is running. */
  giveBack(): void;
}

/** Keeps nothing yet; the caller ends the pool once the connection is given back. */
export function createKeptConnection(pool: pg.Pool): KeptConnection {
  let kept: pg.PoolClient | undefined;

  function giveBack(fault?: Error): void {
    const client = kept;
    kept = undefined;
    client?.release(fault);
  }

  async function run<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    kept ??= await pool.connect();
    try {
      return await work(kept);
    } catch (error) {
      if (!isRefusedData(error)) giveBack(error as Error);
      throw error;
    }
  }

  return { run, giveBack: () => giveBack() };
}
