// Followers that the others do not wait for: their next event is missing, or the log ends before what they have folded
// (an older one was restored), or has another event there (and has grown since), or another process holds their
// checkpoints, as a comparison before a swap does for as long as it takes. For a while they are left out of the rounds.
// They hold no rows then, and go on from their own checkpoints: positions may differ.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import type { Checkpoint } from '../read-models/checkpoint.js';
import { AnotherLog, type Mismatch } from '../read-models/same-log.js';
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
   * which is told again, or their checkpoints are held still. Of checkpoints that were read anew it asks whether the log
   * is theirs; else their followers are set aside, be it all of them, and told of.
   */
  others(followers: readonly Follower[]): Promise<readonly Follower[]>;
  /** A connection to the log has ended: behind the next one may be another log, so all are asked about again. */
  compareAnew(): void;
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
  /** See `findMismatches`. */
  findMismatches(checkpoints: readonly Checkpoint[]): Promise<Mismatch<Checkpoint>[]>;
  logger: FastifyBaseLogger;
}

interface Left {
  name: string;
  until: number;
  /** Why it waits; undefined where its checkpoints are held. */
  fault: EventMissing | AnotherLog | undefined;
}

/** How long they are left out, in milliseconds. */
const ASIDE_MS = { held: 1000, fault: 5000 };

/** Nobody is set aside yet. */
export function createAside(options: AsideOptions): Aside {
  const { readPool, readHead, hasEvent, findMismatches, logger } = options;
  const left = new Map<number, Left>();
  let ofThisLog = new WeakSet<Checkpoint>();
  const leftOf = ({ build }: Follower) => left.get(build.build_id);
  const goingOf = (followers: readonly Follower[]) => followers.filter((follower) => !leftOf(follower));

  function leave(followers: readonly Follower[], fault?: Left['fault']): void {
    const until = performance.now() + (fault ? ASIDE_MS.fault : ASIDE_MS.held);
    for (const { build, projection } of followers)
      left.set(build.build_id, { name: projection.name, until, fault });
  }

  function waitFor(missing: number, followers: readonly Follower[]): void {
    const err = new EventMissing(missing);
    leave(followers, err);
    const told = { err, projections: namesOf(followers) };
    logger.error(told, 'read models wait for an event that is missing; the others go on');
  }

  function leaveToPerson(follower: Follower, mismatch: Mismatch): void {
    const err = new AnotherLog(follower.projection.name, mismatch);
    leave([follower], err);
    const told = { err, projections: namesOf([follower]) };
    logger.error(told, 'a read model was folded from another log and is left as it is; the others go on');
  }

  function waitForLock(fault: unknown, followers: readonly Follower[]): void {
    leave(followers);
    const told = { err: fault, projections: namesOf(followers) };
    logger.warn(told, 'another process holds the checkpoints of read models; the others go on');
  }

  async function set(fault: unknown, followers: readonly Follower[]): Promise<Stuck> {
    const going = goingOf(followers);
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
    if (left.size > 0) await letIn(followers);
    await compare(goingOf(followers));
    return goingOf(followers);
  }

  async function compare(followers: readonly Follower[]): Promise<void> {
    const checkpoints = followers.flatMap((follower) => follower.checkpoints);
    const asked = checkpoints.filter((checkpoint) => !ofThisLog.has(checkpoint));
    if (asked.length === 0) return;
    const mismatches = await findMismatches(asked);
    for (const checkpoint of asked) ofThisLog.add(checkpoint);
    for (const { checkpoint } of mismatches) ofThisLog.delete(checkpoint);
    const beyond = new Map<number, Follower[]>();
    for (const follower of followers) {
      const mismatch = mismatches.find(({ checkpoint }) => follower.checkpoints.includes(checkpoint));
      if (!mismatch) continue;
      const { found, checkpoint } = mismatch;
      if (found !== undefined) leaveToPerson(follower, mismatch);
      else beyond.set(checkpoint.position, [...(beyond.get(checkpoint.position) ?? []), follower]);
    }
    for (const [position, waiting] of beyond) waitFor(position, waiting);
  }

  async function letIn(followers: readonly Follower[]): Promise<void> {
    const now = performance.now();
    const areDue = () => followers.filter((follower) => now >= (leftOf(follower)?.until ?? now + 1));
    await keepWaiting(areDue());
    // Again, before they count as let in: those that wait for a person are not ready in between.
    await compare(areDue());
    const due = areDue();
    const held = await findHeld(readPool, due);
    for (const { build } of due) left.delete(build.build_id);
    leave(held);
    // Those of builds that are folded elsewhere by now, or nowhere, are no concern of ours.
    const mine = new Set(followers.map(({ build }) => build.build_id));
    for (const id of left.keys()) if (!mine.has(id)) left.delete(id);
  }

  function missingOf(follower: Follower): number | undefined {
    const fault = leftOf(follower)?.fault;
    return fault instanceof EventMissing ? fault.position : undefined;
  }

  // A round with one of them would fail, and all would have to read their rows anew.
  async function keepWaiting(due: readonly Follower[]): Promise<void> {
    const positions = new Set(due.map(missingOf));
    for (const position of positions)
      if (position !== undefined && !(await hasEvent(position)))
        waitFor(
          position,
          due.filter((follower) => missingOf(follower) === position),
        );
  }

  function failure(): Error | undefined {
    const names = new Map<string, string[]>();
    for (const { name, fault } of left.values())
      if (fault) names.set(fault.message, [...(names.get(fault.message) ?? []), name]);
    if (names.size === 0) return undefined;
    const told = [...names].map(([message, waiting]) => `${waiting.join(', ')} cannot go on: ${message}`);
    return new Error(told.join(' '));
  }

  function compareAnew(): void {
    ofThisLog = new WeakSet();
  }

  return { set, others, compareAnew, size: () => left.size, failure };
}

const namesOf = (followers: readonly Follower[]) => followers.map(({ projection }) => projection.name);
