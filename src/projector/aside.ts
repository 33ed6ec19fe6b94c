// Followers that the others do not wait for: their next event is missing, or the log ends before what they have folded
// (an older one was restored), or another process holds their checkpoints, as a comparison before a swap does for as
// long as it takes. For a while they are left out of the rounds. They hold no rows then, and go on from their own
// checkpoints: positions may differ.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import { findHeld, findStuck } from './find-stuck.js';
import type { Follower } from './follower.js';

/** Those that were left out, and those that go on. */
export interface Aside {
  /**
   * Sets those of a round's followers aside that a fault is about, and tells so; not where it is about none of them, or
   * about all: nobody would go on by it then. The roster's followers are to be made anew after it.
   */
  set(fault: unknown, followers: readonly Follower[]): Promise<Stuck>;
  /**
   * Of a roster's followers, those that go on; with those whose time is up, unless what they wait for is missing still,
   * which is told again, or their checkpoints are held still.
   */
  others(followers: readonly Follower[]): Promise<readonly Follower[]>;
  size(): number;
  /** Why some cannot go on until a person acts. */
  failure(): Error | undefined;
}

/** Whom a fault is about. */
export interface Stuck {
  projections: readonly string[];
  /** They were set aside. */
  othersGoOn: boolean;
}

export interface AsideOptions {
  readPool: pg.Pool;
  /** The log's last position. */
  readHead(): Promise<number>;
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

/** Nobody is set aside yet. */
export function createAside({ readPool, readHead, hasEvent, logger }: AsideOptions): Aside {
  const left = new Map<number, Left>();
  const leftOf = ({ build }: Follower) => left.get(build.build_id);

  function leave(followers: readonly Follower[], missing?: number): void {
    const until = performance.now() + (missing === undefined ? ASIDE_MS.held : ASIDE_MS.missing);
    for (const { build, projection } of followers)
      left.set(build.build_id, { name: projection.name, until, missing });
  }

  function waitFor(missing: number, followers: readonly Follower[]): void {
    leave(followers, missing);
    const told = { err: new EventMissing(missing), projections: namesOf(followers) };
    logger.error(told, 'read models wait for an event that is missing; the others go on');
  }

  function waitForLock(fault: unknown, followers: readonly Follower[]): void {
    leave(followers);
    const told = { err: fault, projections: namesOf(followers) };
    logger.warn(told, 'another process holds the checkpoints of read models; the others go on');
  }

  async function set(fault: unknown, followers: readonly Follower[]): Promise<Stuck> {
    const going = followers.filter((follower) => !leftOf(follower));
    const groups = await findStuck(fault, going, { readPool, readHead }).catch(() => []);
    const stuck = groups.flatMap((group) => group.followers);
    const othersGoOn = stuck.length > 0 && stuck.length < going.length;
    if (othersGoOn)
      for (const { missing, followers } of groups)
        if (missing === undefined) waitForLock(fault, followers);
        else waitFor(missing, followers);
    return { projections: namesOf(stuck), othersGoOn };
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
    const waiting = new Map<number, string[]>();
    for (const { name, missing } of left.values())
      if (missing !== undefined) waiting.set(missing, [...(waiting.get(missing) ?? []), name]);
    if (waiting.size === 0) return undefined;
    const told = [...waiting].map(
      ([missing, names]) => `${names.join(', ')} cannot go on: ${new EventMissing(missing).message}`,
    );
    return new Error(told.join(' '));
  }

  return { set, others, size: () => left.size, failure };
}

const namesOf = (followers: readonly Follower[]) => followers.map(({ projection }) => projection.name);
