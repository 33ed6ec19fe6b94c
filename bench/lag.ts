import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

// Null where there is no read model yet.
const LAG = `SELECT (SELECT position FROM log_head) - min(c.position) AS lag
  FROM projector.checkpoint c JOIN projector.build b USING (build_id) WHERE b.state = 'live'`;

/** By how many events the live read models are behind the log, the last of them; undefined where there are none yet. */
export async function lagOf(pool: pg.Pool): Promise<number | undefined> {
  const { rows } = await pool.query<{ lag: string | null }>(LAG);
  const { lag } = rows[0]!;
  return lag === null ? undefined : Number(lag);
}

/** Resolves when the live read models are at the head of the log. */
export async function untilFollowed(pool: pg.Pool): Promise<void> {
  while ((await lagOf(pool)) !== 0) await delay(50);
}
