// Followers that the others do not wait for: their next event is missing, or another process holds their checkpoints,
// as a comparison before a swap does for as long as it takes. For a while they are left out of the rounds. They hold no
// rows then, and go on from their own checkpoints: positions may differ.
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import { sqlState } from '../postgres/failure.js';
import type { Follower } from './follower.js';

/** Those that were left out, and those that go on. */
export interface Aside {
  /**
   * Sets those of a round's followers aside that a fault is about, and answers them. None where it is about none of
   * them, or about all: nobody would go on by it then. The roster's followers are to be made anew after it.
   */
  set(fault: unknown, followers: readonly Follower[]): Promise<readonly Follower[]>;
  /** Of a roster's followers, those that go on; with those whose time is up, unless their checkpoints are held still. */
  others(followers: readonly Follower[]): Promise<readonly Follower[]>;
  size(): number;
  /** Why some cannot go on until a person acts. */
  failure(): Error | undefined;
}

/** How long they are left out, in milliseconds. A lock is looked at without waiting, a missing event is told each time. */
const ASIDE_MS = { held: 1000, missing: 5000 };
const LOCKED = '55P03';

/** Nobody is set aside yet. */
export function createAside(readPool: pg.Pool): Aside {
  const left = new Map<number, { until: number; missing: EventMissing | undefined }>();
  const isLeft = ({ build }: Follower) => left.has(build.build_id);

  function leave(followers: readonly Follower[], missing?: EventMissing): void {
    const until = performance.now() + (missing ? ASIDE_MS.missing : ASIDE_MS.held);
    for (const { build } of followers) left.set(build.build_id, { until, missing });
  }

  async function set(fault: unknown, followers: readonly Follower[]): Promise<readonly Follower[]> {
    const going = followers.filter((follower) => !isLeft(follower));
    const missing = fault instanceof EventMissing ? fault : undefined;
    let stuck: readonly Follower[] = [];
    if (missing) stuck = standingBefore(missing.position, going);
    else if (sqlState(fault) === LOCKED) stuck = await findHeld(readPool, going).catch(() => []);
    if (stuck.length === going.length) return [];
    leave(stuck, missing);
    return stuck;
  }

  async function others(followers: readonly Follower[]): Promise<readonly Follower[]> {
    if (left.size === 0) return followers;
    const now = performance.now();
    const due = followers.filter(({ build }) => now >= (left.get(build.build_id)?.until ?? now + 1));
    const held = await findHeld(readPool, due);
    for (const { build } of due) left.delete(build.build_id);
    leave(held);
    // Those of builds that are folded elsewhere by now, or nowhere, are no concern of ours.
    const mine = new Set(followers.map(({ build }) => build.build_id));
    for (const id of left.keys()) if (!mine.has(id)) left.delete(id);
    return followers.filter((follower) => !isLeft(follower));
  }

  return {
    set,
    others,
    size: () => left.size,
    failure: () => [...left.values()].find(({ missing }) => missing)?.missing,
  };
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
async function findHeld(readPool: pg.Pool, followers: readonly Follower[]): Promise<readonly Follower[]> {
  if (followers.length === 0) return [];
  const checkpoints = followers.flatMap((follower) => follower.checkpoints);
  const list = (name: 'build_id' | 'segment') => checkpoints.map((checkpoint) => checkpoint[name]);
  const { rows } = await readPool.query(FREE, [list('build_id'), list('segment')]);
  const free = new Set(rows.map(({ build_id, segment }) => `${build_id}:${segment}`));
  return followers.filter((follower) =>
    follower.checkpoints.some(({ build_id, segment }) => !free.has(`${build_id}:${segment}`)),
  );
}
