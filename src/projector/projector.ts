// The projector's loop: rounds as long as there is something to read, then wait for the doorbell or the next poll.
// A fault ends nothing: it is told, and the loop goes on after a pause that grows.
import type { FastifyBaseLogger } from 'fastify';
import type { Service } from '../service.js';
import { CheckpointMoved } from './apply-page.js';
import { type ProjectOptions, projectRound } from './project.js';
import type { Roster } from './roster.js';

export interface ProjectorOptions extends ProjectOptions {
  roster: Roster;
  logger: FastifyBaseLogger;
  leaseTtlMs: number;
  pollMs: number;
}

export interface Projector extends Service {
  /** Says that the log has grown: reading starts at once. */
  ring(): void;
  /** Resolves when everything owned here is folded up to the head. */
  untilHead(): Promise<void>;
  /** The error of the last round, if it failed. */
  failure(): Error | undefined;
}

const LONGEST_PAUSE_MS = 5000;

export function createProjector(options: ProjectorOptions): Projector {
  const { roster, logger, leaseTtlMs, pollMs } = options;
  const beatMs = leaseTtlMs / 3;
  let stopping = false;
  let running: Promise<void> | undefined;
  let rung = false;
  let wake = () => {};
  let lastBeat = Number.NEGATIVE_INFINITY;
  let failure: Error | undefined;
  let pauseMs = 0;
  const atHead: (() => void)[] = [];

  async function round(): Promise<void> {
    if (performance.now() - lastBeat >= beatMs) {
      lastBeat = performance.now();
      await roster.update();
    }
    rung = false;
    const read = await projectRound(roster.followers(), options);
    failure = undefined;
    pauseMs = 0;
    if (read > 0) return;
    for (const resolve of atHead.splice(0)) resolve();
    if (!rung && !stopping) await pause(Math.min(pollMs, beatMs));
  }

  async function recover(error: unknown): Promise<void> {
    if (error instanceof CheckpointMoved) return void (await roster.reload().then(roster.update));
    failure = error as Error;
    lastBeat = Number.NEGATIVE_INFINITY;
    pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(100, pauseMs * 2));
    logger.error({ err: error, pauseMs }, 'projecting failed; it goes on after a pause');
    await roster.reload().catch(() => {});
    if (!stopping) await pause(pauseMs);
  }

  async function loop(): Promise<void> {
    while (!stopping) await round().catch(recover).catch(recover);
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function ring(): void {
    rung = true;
    if (!failure) wake();
  }

  async function stop(): Promise<void> {
    stopping = true;
    wake();
    await running;
    running = undefined;
    await roster
      .leave()
      .catch((error) => logger.warn({ err: error }, 'leases could not be given back; they expire'));
  }

  return {
    async start() {
      stopping = false;
      running ??= loop();
    },
    stop,
    ring,
    untilHead: () => new Promise((resolve) => atHead.push(resolve)),
    failure: () => failure,
  };
}
