// What a relay does over and over: look whether it may publish, mirror until something is other than expected, judge
// what that was, pause.
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { BaseLogger } from 'pino';
import type { Bus } from '../bus/connect.js';
import { StreamUnfit } from '../bus/stream.js';
import { EventMissing } from '../log/missing-event.js';
import type { RunLimits } from '../log/read-run.js';
import type { LeaseHolder } from '../postgres/lease-holder.js';
import type { Alarm } from './alarm.js';
import { StreamForeign } from './find-position.js';
import { mirror } from './mirror.js';
import { RunRefused } from './publish-run.js';
import type { RelayState, RelayStatus } from './relay-metrics.js';

const PAUSE_MS = { disconnected: 100, standby: 500, refusedRun: 50, failing: 1000 };
// Two relays without a lease refuse each other's runs now and then; a run that nobody stores is another matter.
const REFUSALS_IN_PASSING = 3;
/** What only a person can change. */
const FINDINGS = [StreamForeign, StreamUnfit, EventMissing];

export interface RelayLoopOptions {
  bus: Bus;
  pool: pg.Pool;
  lease: LeaseHolder | undefined;
  alarm: Alarm;
  limits: RunLimits;
  pollMs: number;
  gatherMs: number;
  refusedRetryMs: number;
  logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>;
  /** Kept up to date in place. */
  status: RelayStatus;
  /** Told after each acknowledged run. */
  onPublished(position: number, events: number): void;
}

/** Relays until the signal is aborted; resolves when the runs in flight are through. Never rejects. */
export async function runRelay(options: RelayLoopOptions, signal: AbortSignal): Promise<void> {
  const { bus, lease, status, limits } = options;
  let refusals = 0;

  async function attempt(): Promise<number> {
    const connection = bus.connection();
    if (!connection) {
      enter(options, 'disconnected');
      await lease?.stop(); // Another process may reach the server.
      return PAUSE_MS.disconnected;
    }
    await lease?.start();
    if (lease?.held() === false) {
      const failure = lease.failure();
      if (failure !== undefined) throw failure; // Not even who else relays is known.
      enter(options, 'standby');
      return PAUSE_MS.standby;
    }
    const epoch = bus.epoch();
    const mayPublish = () =>
      !signal.aborted && lease?.held() !== false && bus.epoch() === epoch && bus.connection() === connection;
    const firstRunEvents = refusals === 0 ? limits.events : 1;
    // An answer that arrives after a reconnection is old: another mirror knows more by then.
    const tell = (position: number, events: number) => {
      if (bus.epoch() === epoch) onMirrored(position, events);
    };
    // What waits for an answer of a lost connection waits in vain; it finds that it may not publish when it wakes.
    await Promise.race([
      mirror({ ...options, connection, firstRunEvents, mayPublish, onMirrored: tell }),
      bus.gone(),
    ]);
    return 0;
  }

  function onMirrored(position: number, events: number): void {
    if (position !== status.position || events > 0) refusals = 0;
    status.position = position;
    if (refusals === 0) enter(options, 'mirroring');
    if (events > 0) options.onPublished(position, events);
  }

  function judge(error: unknown): number {
    if (FINDINGS.some((Finding) => error instanceof Finding)) {
      enter(options, 'refused', error);
      return options.refusedRetryMs;
    }
    if (error instanceof RunRefused) refusals += 1;
    if (error instanceof RunRefused && error.outOfOrder && refusals <= REFUSALS_IN_PASSING)
      return PAUSE_MS.refusedRun;
    if (bus.connection()) enter(options, 'failing', error);
    return PAUSE_MS.failing;
  }

  while (!signal.aborted) {
    const pauseMs = await attempt().catch(judge);
    await delay(pauseMs, undefined, { signal }).catch(() => {});
  }
  enter(options, 'stopped');
}

function enter({ status, logger }: RelayLoopOptions, state: RelayState, error?: unknown): void {
  const reason = error === undefined ? undefined : (error as Error).message;
  if (status.state !== state || status.error !== reason) {
    if (error === undefined) logger.info({ position: status.position }, `relay is ${state}`);
    else logger[state === 'refused' ? 'error' : 'warn']({ err: error }, `relay is ${state}`);
  }
  status.state = state;
  if (reason === undefined) delete status.error;
  else status.error = reason;
}
