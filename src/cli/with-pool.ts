import type pg from 'pg';
import { createPool } from '../postgres/connect.js';

/** Lends a small pool on `url` to `work`, and ends it after. */
export async function withPool<Answer>(
  url: string,
  work: (pool: pg.Pool) => Promise<Answer>,
): Promise<Answer> {
  const pool = createPool(url, { max: 2 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
