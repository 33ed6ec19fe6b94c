// Keeps rejected requests within bounds: what is too old goes, and the oldest where all together is too large. Each
// statement is bounded in rows and bytes and is a commit of its own, so that however much is to go, some of it goes.
//
// Two doors at once: the advisory lock lets one remove at a time, and the other leaves it at that until its next time.
// Had the first committed just before, the second finds some of what it chose gone. What is too much is counted from the
// newest backwards, so that both together remove no more than one alone.
import type pg from 'pg';

export interface RejectedBounds {
  days: number;
  /** Bytes of bodies, all together. */
  totalBytes: number;
}

/** What is kept: a month, and a gigabyte. */
export const REJECTED_BOUNDS: RejectedBounds = { days: 30, totalBytes: 1024 * 1024 * 1024 };

const IS_ALONE = `(SELECT pg_try_advisory_xact_lock('rejected_webhook'::regclass::oid::int, 0))`;
const STEP_ROWS = 1000;
const STEP_BYTES = 16 * 1024 * 1024;
const WALK_ROWS = 5000;

// Of a row; what it costs beside its body is a guess.
const SIZE = 'octet_length(body) + 500';

/** Removes what the bounds do not allow; answers how many. Stops between two steps where `signal` says so. */
export async function pruneRejected(
  pool: pg.Pool,
  { days, totalBytes }: RejectedBounds = REJECTED_BOUNDS,
  signal?: AbortSignal,
): Promise<number> {
  const old = 'rejected_at < now() - make_interval(days => $1)';
  const removed = await removeAll(pool, { which: old, order: 'rejected_at, id', value: days }, signal);
  const last = await findLastTooMuch(pool, totalBytes, signal);
  if (last === undefined) return removed;
  return removed + (await removeAll(pool, { which: 'id <= $1', order: 'id', value: last }, signal));
}

async function removeAll(
  pool: pg.Pool,
  { which, order, value }: { which: string; order: string; value: number },
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  while (!signal?.aborted) {
    const { rowCount } = await pool.query(
      `DELETE FROM rejected_webhook WHERE ${IS_ALONE} AND id IN (
         SELECT id FROM (
           SELECT id, ${SIZE} AS size, sum(${SIZE}) OVER (ORDER BY ${order}) AS total FROM (
             SELECT * FROM rejected_webhook WHERE ${which} ORDER BY ${order} LIMIT ${STEP_ROWS}
           ) oldest
         ) running WHERE total - size < ${STEP_BYTES})`,
      [value],
    );
    if (!rowCount) break;
    removed += rowCount;
  }
  return removed;
}

interface Walked {
  /** The oldest that was looked at; null where none is left. */
  reached: number | null;
  bytes: number;
  last_too_much: number | null;
}

/** The newest of those that are too much: all from there to the newest is larger than `bytes`. */
async function findLastTooMuch(
  pool: pg.Pool,
  bytes: number,
  signal?: AbortSignal,
): Promise<number | undefined> {
  let before = Number.MAX_SAFE_INTEGER;
  let room = bytes;
  while (!signal?.aborted) {
    const { rows }: pg.QueryResult<Walked> = await pool.query(
      `SELECT min(id) AS reached, max(total) AS bytes, max(id) FILTER (WHERE total > $2) AS last_too_much
       FROM (
         SELECT id, sum(${SIZE}) OVER (ORDER BY id DESC) AS total FROM (
           SELECT id, body FROM rejected_webhook WHERE id < $1
           ORDER BY id DESC LIMIT ${WALK_ROWS}
         ) newest
       ) running`,
      [before, room],
    );
    const { reached, bytes: seen, last_too_much: last } = rows[0]!;
    if (reached === null) break;
    if (last !== null) return last;
    before = reached;
    room -= seen;
  }
  return undefined;
}
