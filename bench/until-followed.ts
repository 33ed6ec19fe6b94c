import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

const BEHIND = `SELECT count(*) = 0 OR min(c.position) < (SELECT position FROM log_head) AS behind
  FROM projector.checkpoint c JOIN projector.build b USING (build_id) WHERE b.state = 'live'`;

/** Resolves when the live read models are at the head of the log. */
export async function untilFollowed(pool: pg.Pool): Promise<void> {
  while ((await pool.query(BEHIND)).rows[0].behind) await delay(50);
}
