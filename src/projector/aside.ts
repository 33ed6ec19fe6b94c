// Followers that the others do not wait for: their next event is missing, or the log is another one than what they have
// folded (an older one was restored: it ends before, or has another event there), or their table cannot be written (it is
// locked, or was changed by hand), or another process holds their checkpoints, as a comparison before a swap does for as
// long as it takes. For a while they are left out of the rounds.
// They hold no rows then, and go on from their own checkpoints: positions may differ.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import type { Checkpoint } from '../read-models/checkpoint.js';
import { AnotherLog, type Mismatch } from '../read-models/same-log.js';
import { type Fault, isLasting } from './faults.js';
import { findHeld, findStuck, findTableFault } from './find-stuck.js';
import type { Follower } from './follower.js';
import { PartFailed } from './part-failed.js';

/** Those that were left out, and those that go on. */
export interface Aside {
  /**
   * Sets those of a round's followers aside that a fault is about, and tells so; not where it is about none of them, or
   * about all: nobody would go on by it then. Where an event is missing, those of another log are set aside first, be it
   * all of them. The roster's followers are to be made anew after it.
   */
  set(fault: unknown, followers: readonly Follower[]): Promise<Stuck>;
  /**
   * Of a roster's followers, those that go on; with those whose time is up, unless what they wait for is missing still, or
   * their table is locked still, which is told again, or their checkpoints are held still. Of checkpoints that were read anew it asks whether the log
   * is theirs; else their followers are set aside, be it all of them, and told of.
   */
  others(followers: readonly Follower[]): Promise<readonly Follower[]>;
  /** A connection to the log has ended: behind the next one may be another log, so all are asked about again. */
  compareAnew(): void;
  /** Whether some may go on by waiting. */
  mayGoOn(): boolean;
  /** Those that cannot go on, and why; not those whose checkpoints are held. */
  faults(): readonly Fault[];
}

/** Whom a fault is about. */
export interface Stuck {
  projections: readonly string[];
  /** They were set aside. */
  othersGoOn: boolean;
}

export interface AsideOptions {
  readPool: pg.Pool;
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
  fault: EventMissing | AnotherLog | PartFailed | undefined;
}

/** How long they are left out, in milliseconds. */
const ASIDE_MS = { held: 1000, fault: 5000 };

/** Nobody is set aside yet. */
export function createAside(options: AsideOptions): Aside {
  const { readPool, hasEvent, findMismatches, logger } = options;
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

  function waitForTable(err: PartFailed, followers: readonly Follower[]): void {
    leave(followers, err);
    const told = { err, projections: namesOf(followers) };
    logger.error(told, 'the table of a read model cannot be read or written; the others go on');
  }

  function waitForLock(fault: unknown, followers: readonly Follower[]): void {
    leave(followers);
    const told = { err: fault, projections: namesOf(followers) };
    logger.warn(told, 'another process holds the checkpoints of read models; the others go on');
  }

  async function set(fault: unknown, followers: readonly Follower[]): Promise<Stuck> {
    const nobody = { projections: [], othersGoOn: false };
    return leaveStuck(fault, goingOf(followers)).catch(() => nobody);
  }

  async function leaveStuck(fault: unknown, going: readonly Follower[]): Promise<Stuck> {
    if (fault instanceof EventMissing) {
      // Where an older log was restored, it was noticed at those that stand at its end, behind the ones it ends before.
      compareAnew();
      const ofOthers = await compare(going);
      if (ofOthers.length > 0) return { projections: namesOf(ofOthers), othersGoOn: true };
    }
    const stuck = await findStuck(fault, going, readPool);
    const othersGoOn = stuck.length > 0 && stuck.length < going.length;
    if (othersGoOn)
      if (fault instanceof EventMissing) waitFor(fault.position, stuck);
      else if (fault instanceof PartFailed) waitForTable(fault, stuck);
      else waitForLock(fault, stuck);
    return { projections: namesOf(stuck), othersGoOn };
  }

  async function others(followers: readonly Follower[]): Promise<readonly Follower[]> {
    if (left.size > 0) await letIn(followers);
    await compare(goingOf(followers));
    return goingOf(followers);
  }

  /** Answers those that were set aside. */
  async function compare(followers: readonly Follower[]): Promise<readonly Follower[]> {
    const checkpoints = followers.flatMap((follower) => follower.checkpoints);
    const asked = checkpoints.filter((checkpoint) => !ofThisLog.has(checkpoint));
    if (asked.length === 0) return [];
    const mismatches = await findMismatches(asked);
    for (const checkpoint of asked) ofThisLog.add(checkpoint);
    for (const { checkpoint } of mismatches) ofThisLog.delete(checkpoint);
    return followers.filter((follower) => {
      const mismatch = mismatches.find(({ checkpoint }) => follower.checkpoints.includes(checkpoint));
      if (mismatch) leaveToPerson(follower, mismatch);
      return mismatch !== undefined;
    });
  }

  async function letIn(followers: readonly Follower[]): Promise<void> {
    const now = performance.now();
    const areDue = () => followers.filter((follower) => now >= (leftOf(follower)?.until ?? now + 1));
    // Before they count as let in: those that wait for a person are not ready in between. And before it is asked for what
    // is missing: in another log it never comes.
    await compare(areDue());
    await keepWaiting(areDue());
    await keepFromTables(areDue());
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

  // So that a lock is not waited for in a round, again and again.
  async function keepFromTables(due: readonly Follower[]): Promise<void> {
    for (const follower of due) {
      if (!(leftOf(follower)?.fault instanceof PartFailed)) continue;
      const fault = await findTableFault(readPool, follower);
      if (fault) waitForTable(fault, [follower]);
    }
  }

  function compareAnew(): void {
    ofThisLog = new WeakSet();
  }

  const mayGoOn = () => [...left.values()].some(({ fault }) => !isLasting(fault));
  const faults = () =>
    [...left.values()].flatMap(({ name, fault }) => (fault ? [{ name, cause: fault }] : []));

  return { set, others, compareAnew, mayGoOn, faults };
}

const namesOf = (followers: readonly Follower[]) => followers.map(({ projection }) => projection.name);
