// Whom a fault of a round is about.
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import { isLocked } from '../postgres/failure.js';
import type { Follower } from './follower.js';

/** Followers that wait for one event, or for their checkpoints. */
export interface Group {
  /** Position of the event. */
  missing: number | undefined;
  followers: readonly Follower[];
}

/** Those of the followers that a fault is about, by what they wait for; none where it is about none of them. */
export async function findStuck(
  fault: unknown,
  followers: readonly Follower[],
  { readPool, readHead }: { readPool: pg.Pool; readHead(): Promise<number> },
): Promise<Group[]> {
  if (isLocked(fault)) return [{ missing: undefined, followers: await findHeld(readPool, followers) }];
  if (!(fault instanceof EventMissing)) return [];
  const head = await readHead();
  const beyond = followers.filter((follower) => foremost(follower) > head);
  if (beyond.length === 0)
    return [{ missing: fault.position, followers: standingBefore(fault.position, followers) }];
  // It was noticed at those behind, from which on there should be events: but there the log ends.
  const positions = [...new Set(beyond.map(foremost))];
  return positions.map((missing) => ({
    missing,
    followers: beyond.filter((follower) => foremost(follower) === missing),
  }));
}

const foremost = ({ checkpoints }: Follower) => Math.max(...checkpoints.map(({ position }) => position));

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
