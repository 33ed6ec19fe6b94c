// The projector's loop: rounds as long as there is something to read, then wait for the doorbell or the next poll.
// A fault ends nothing: it is told, and the loop goes on after a pause that grows. Losing a race is no fault.
import type { FastifyBaseLogger } from 'fastify';
import { createPause } from '../pause.js';
import { describeFailure, isLocked, sqlState } from '../postgres/failure.js';
import { type Checkpoint, CheckpointMoved } from '../read-models/checkpoint.js';
import type { Mismatch } from '../read-models/same-log.js';
import type { Service } from '../service.js';
import { createAside } from './aside.js';
import type { Share } from './commit-page.js';
import { failureOf, isLasting } from './faults.js';
import type { Follower } from './follower.js';
import { PartFailed } from './part-failed.js';
import { assertAtHead, type ProjectOptions, projectRound } from './project.js';
import type { Roster } from './roster.js';

export interface ProjectorOptions extends ProjectOptions {
  roster: Roster;
  logger: FastifyBaseLogger;
  leaseTtlMs: number;
  /** The log's last position. */
  readHead(): Promise<number>;
  /** Whether the log has an event at a position. */
  hasEvent(position: number): Promise<boolean>;
  /** See `findMismatches`. */
  findMismatches(checkpoints: readonly Checkpoint[]): Promise<Mismatch<Checkpoint>[]>;
  /** How long to wait at the head for a ring before looking again. */
  pollMs(): number;
}

export interface Projector extends Service {
  /** Says that the log has grown: reading starts at once. */
  ring(): void;
  /** Says that a connection to the log has ended: the next page is read once checkpoints are known to be of the log there. */
  logLeft(): void;
  /**
   * Resolves when everything owned here is folded up to the head that the log had at the call, or further. Rejects, with
   * what to do, once only read models are not that no waiting brings there: those of another log, or whose table is gone.
   */
  untilHead(): Promise<void>;
  /** Throws, with the reason, unless the last round was good and not long ago. */
  assertReading(): void;
}

interface Waiting {
  resolve(): void;
  reject(reason: Error): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
const LONGEST_ROUND_MS = 60_000;
/** How often a projector with nothing to read asks where the log ends, where nobody waits for it. */
const LOOK_EVERY_MS = 2000;
/** Beats a time to live: so soon after an owner's end its work is free, and so soon is it taken. */
const BEATS_A_TTL = 4;

const LOST = ['40P01', '40001'];

const lostRace = (error: unknown) => error instanceof CheckpointMoved || LOST.includes(sqlState(error) ?? '');

/** A projector that does not run yet; see `Projector`. */
export function createProjector(options: ProjectorOptions): Projector {
  const { roster, logger, leaseTtlMs } = options;
  const beatMs = leaseTtlMs / BEATS_A_TTL;
  const pause = createPause();
  const aside = createAside(options);
  let stopping = false;
  let running: Promise<void> | undefined;
  let rung = false;
  let isIdle = false;
  let nextBeat = Number.NEGATIVE_INFINITY;
  let lastRound: number | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let failure: Error | undefined;
  let pauseMs = 0;
  const atHead: Waiting[] = [];

  const goesOn = () => !stopping && performance.now() < nextBeat;

  function onPage(events: number, shares: readonly Share[]): void {
    lastRound = performance.now();
    options.onPage?.(events, shares);
  }

  async function round(): Promise<void> {
    if (performance.now() >= nextBeat) {
      nextBeat = performance.now() + beatMs;
      await roster.update();
    }
    rung = false;
    // Who waits from here on may know of events that this round does not find.
    const waiting = atHead.length;
    const followers = await aside.others(roster.followers());
    const read = await projectRound(followers, { ...options, goesOn, onPage });
    const wasIdle = isIdle;
    isIdle = read === 0;
    // A busy projector is not to ask for more than it reads.
    if (isIdle && (waiting > 0 || (wasIdle && isLookDue()))) await look(followers);
    failure = undefined;
    pauseMs = 0;
    lastRound = performance.now();
    if (!isIdle) return;
    if (!mayGoOn()) answer(atHead.splice(0, waiting), failureOfSome());
    if (!rung && !stopping) await pause.for(Math.min(options.pollMs(), beatMs));
  }

  function answer(waiting: readonly Waiting[], fault: Error | undefined): void {
    for (const { resolve, reject } of waiting)
      if (fault) reject(fault);
      else resolve();
  }

  const mayGoOn = () => aside.mayGoOn() || roster.faults().some(({ cause }) => !isLasting(cause));
  const failureOfSome = () => failureOf([...roster.faults(), ...aside.faults()]);

  const isLookDue = () => performance.now() - lookedAt >= LOOK_EVERY_MS;

  // Where it throws, the next round looks again: what it told holds until then.
  async function look(followers: readonly Follower[]): Promise<void> {
    await assertAtHead(followers, options);
    lookedAt = performance.now();
  }

  async function recover(error: unknown): Promise<void> {
    nextBeat = Number.NEGATIVE_INFINITY;
    options.readPage.forget?.();
    const { projections, othersGoOn } = await aside.set(error, roster.followers());
    roster.reload();
    if (othersGoOn) return;
    if (lostRace(error)) return logger.debug({ err: error }, 'another process was faster; reading anew');
    // Most likely a comparison of tables before a swap. It was waited for already.
    if (isLocked(error) && !(error instanceof PartFailed))
      return logger.warn({ err: error }, 'another process holds the checkpoints; asking again');
    failure = error as Error;
    pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2));
    const told = { err: error, pauseMs, ...(projections.length > 0 && { projections }) };
    logger.error(told, 'projecting failed; it goes on after a pause');
    if (!stopping) await pause.for(pauseMs);
  }

  async function loop(): Promise<void> {
    while (!stopping) await round().catch(recover);
  }

  function ring(): void {
    rung = true;
    if (pauseMs === 0) pause.end(); // A pause after a fault is not cut short.
  }

  // A run of pages ends too, so that the next round compares before it reads; what was read ahead nobody compares.
  function logLeft(): void {
    nextBeat = Number.NEGATIVE_INFINITY;
    options.readPage.forget?.();
    aside.compareAnew();
  }

  async function stop(): Promise<void> {
    if (!running) return;
    stopping = true;
    pause.end();
    await running;
    running = undefined;
    await roster
      .leave()
      .catch((error) => logger.warn({ err: error }, 'leases could not be given back; they expire'));
  }

  function assertReading(): void {
    const fault = failure ?? failureOfSome();
    if (fault) throw new Error(`the projector cannot read or write: ${describeFailure(fault)}`);
    if (lastRound === undefined) throw new Error('the projector has not read yet');
    const silentMs = performance.now() - lastRound;
    if (silentMs > LONGEST_ROUND_MS)
      throw new Error(`the projector has not finished a page for ${Math.round(silentMs / 1000)} s`);
  }

  return {
    async start() {
      stopping = false;
      running ??= loop();
    },
    stop,
    ring,
    logLeft,
    untilHead: () =>
      new Promise((resolve, reject) => {
        atHead.push({ resolve, reject });
        rung = true; // A round that goes on is followed by the next at once.
      }),
    assertReading,
  };
}
