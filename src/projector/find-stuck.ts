// Whom a fault of a round is about.
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import { isLocked } from '../postgres/failure.js';
import { inTransaction } from '../postgres/transaction.js';
import { tableOf } from '../read-models/build.js';
import type { Follower } from './follower.js';
import { PartFailed, partError } from './part-failed.js';

/**
 * Those of the followers that wait for the event that a fault is about, or for their checkpoints, or whose table it is
 * about; none for other faults.
 */
export async function findStuck(
  fault: unknown,
  followers: readonly Follower[],
  readPool: pg.Pool,
): Promise<readonly Follower[]> {
  if (fault instanceof PartFailed) return followers.filter(({ build }) => build.build_id === fault.buildId);
  if (isLocked(fault)) return findHeld(readPool, followers);
  return fault instanceof EventMissing ? standingBefore(fault.position, followers) : [];
}

const standingBefore = (position: number, followers: readonly Follower[]) =>
  followers.filter(({ checkpoints }) =>
    checkpoints.some((checkpoint) => checkpoint.position === position - 1),
  );

// As an UPDATE would lock them, without waiting, and only until the statement ends.
const FREE = `SELECT c.build_id, c.segment FROM projector.checkpoint c
  JOIN unnest($1::bigint[], $2::int[]) AS e(build_id, segment) USING (build_id, segment)
  FOR NO KEY UPDATE OF c SKIP LOCKED`;

/** Followers of whose checkpoints another process holds one. */
export async function findHeld(
  readPool: pg.Pool,
  followers: readonly Follower[],
): Promise<readonly Follower[]> {
  if (followers.length === 0) return [];
  const checkpoints = followers.flatMap((follower) => follower.checkpoints);
  const list = (name: 'build_id' | 'segment') => checkpoints.map((checkpoint) => checkpoint[name]);
  const { rows } = await readPool.query(FREE, [list('build_id'), list('segment')]);
  const free = new Set(rows.map(({ build_id, segment }) => `${build_id}:${segment}`));
  return followers.filter((follower) =>
    follower.checkpoints.some(({ build_id, segment }) => !free.has(`${build_id}:${segment}`)),
  );
}

/** Why a follower's table can still not be written; undefined where it can, as far as a lock on it tells. Does not wait. */
export async function findTableFault(readPool: pg.Pool, follower: Follower): Promise<PartFailed | undefined> {
  try {
    await inTransaction(readPool, (client) =>
      client.query(`LOCK TABLE ${tableOf(follower.build)} IN ROW EXCLUSIVE MODE NOWAIT`),
    );
  } catch (error) {
    const fault = partError(follower, error);
    if (fault instanceof PartFailed) return fault;
    throw error;
  }
}
