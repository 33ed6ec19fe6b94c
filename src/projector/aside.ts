// Followers that the others do not wait for: their next event is missing, or another process holds their checkpoints,
// as a comparison before a swap does for as long as it takes. For a while they are left out of the rounds. They hold no
// rows then, and go on from their own checkpoints: positions may differ.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import { sqlState } from '../postgres/failure.js';
import type { Follower } from './follower.js';

/** Those that were left out, and those that go on. */
export interface Aside {
  /**
   * Sets those of a round's followers aside that a fault is about, tells so, and answers true. False where it is about
   * none of them, or about all: nobody would go on by it then. The roster's followers are to be made anew after it.
   */
  set(fault: unknown, followers: readonly Follower[]): Promise<boolean>;
  /**
   * Of a roster's followers, those that go on; with those whose time is up, unless what they wait for is missing still,
   * which is told again, or their checkpoints are held still.
   */
  others(followers: readonly Follower[]): Promise<readonly Follower[]>;
  size(): number;
  /** Why some cannot go on until a person acts. */
  failure(): Error | undefined;
}

export interface AsideOptions {
  readPool: pg.Pool;
  /** Whether the log has an event at a position. */
  hasEvent(position: number): Promise<boolean>;
  logger: FastifyBaseLogger;
}

interface Left {
  name: string;
  until: number;
  /** Position of the event that it waits for. */
  missing: number | undefined;
}

/** How long they are left out, in milliseconds. */
const ASIDE_MS = { held: 1000, missing: 5000 };
const LOCKED = '55P03';

/** Nobody is set aside yet. */
export function createAside({ readPool, hasEvent, logger }: AsideOptions): Aside {
  const left = new Map<number, Left>();
  const leftOf = ({ build }: Follower) => left.get(build.build_id);

  function leave(followers: readonly Follower[], missing?: number): void {
    const until = performance.now() + (missing === undefined ? ASIDE_MS.held : ASIDE_MS.missing);
    for (const { build, projection } of followers)
      left.set(build.build_id, { name: projection.name, until, missing });
  }

  function waitFor(missing: number, followers: readonly Follower[]): void {
    leave(followers, missing);
    logger.error(
      { err: new EventMissing(missing), projections: namesOf(followers) },
      'read models wait for an event that is missing; the others go on',
    );
  }

  async function set(fault: unknown, followers: readonly Follower[]): Promise<boolean> {
    const going = followers.filter((follower) => !leftOf(follower));
    const missing = fault instanceof EventMissing ? fault.position : undefined;
    let stuck: readonly Follower[] = [];
    if (missing !== undefined) stuck = standingBefore(missing, going);
    else if (sqlState(fault) === LOCKED) stuck = await findHeld(readPool, going).catch(() => []);
    if (stuck.length === 0 || stuck.length === going.length) return false;
    if (missing !== undefined) waitFor(missing, stuck);
    else {
      leave(stuck);
      const told = { err: fault, projections: namesOf(stuck) };
      logger.warn(told, 'another process holds the checkpoints of read models; the others go on');
    }
    return true;
  }

  async function others(followers: readonly Follower[]): Promise<readonly Follower[]> {
    if (left.size === 0) return followers;
    const now = performance.now();
    const areDue = () => followers.filter((follower) => now >= (leftOf(follower)?.until ?? now + 1));
    await keepWaiting(areDue());
    const due = areDue();
    const held = await findHeld(readPool, due);
    for (const { build } of due) left.delete(build.build_id);
    leave(held);
    // Those of builds that are folded elsewhere by now, or nowhere, are no concern of ours.
    const mine = new Set(followers.map(({ build }) => build.build_id));
    for (const id of left.keys()) if (!mine.has(id)) left.delete(id);
    return followers.filter((follower) => !leftOf(follower));
  }

  // A round with one of them would fail, and all would have to read their rows anew.
  async function keepWaiting(due: readonly Follower[]): Promise<void> {
    const positions = new Set(due.map((follower) => leftOf(follower)?.missing));
    for (const position of positions)
      if (position !== undefined && !(await hasEvent(position)))
        waitFor(
          position,
          due.filter((follower) => leftOf(follower)?.missing === position),
        );
  }

  function failure(): Error | undefined {
    const waiting = [...left.values()].filter(({ missing }) => missing !== undefined);
    return waiting.length > 0 ? new EventMissing(waiting[0]!.missing!) : undefined;
  }

  return { set, others, size: () => left.size, failure };
}

const namesOf = (followers: readonly Follower[]) => followers.map(({ projection }) => projection.name);

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
