// The relay: what the log holds goes to the stream, in order, each event once, message n being event n.
//
//   log ──(runs)──▶ stream           the stream's own last sequence is the only checkpoint
//    └─(position)──▶ doorbell        so that projectors need not poll
//
// Any number may run: a lease lets one publish, and the expected sequence of each message keeps the stream right even
// where two do. Nothing here is in the way of an append: while the bus is away, or is not the log's, events wait in
// the log.
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { BaseLogger } from 'pino';
import type { Registry } from 'prom-client';
import { createBus } from '../bus/connect.js';
import { ring } from '../bus/doorbell.js';
import { StreamUnfit } from '../bus/stream.js';
import { readHead } from '../log/read-log.js';
import { createPool } from '../postgres/connect.js';
import { createLeaseHolder } from '../postgres/lease-holder.js';
import type { Service } from '../service.js';
import { createAlarm } from './alarm.js';
import { StreamForeign } from './find-position.js';
import { mirror } from './mirror.js';
import { RunRefused } from './publish-run.js';
import type { RunLimits } from './read-run.js';
import { createRelayMetrics, type RelayState, type RelayStatus } from './relay-metrics.js';

/** Bounds of a run: a few milliseconds of the event loop, which ingest may share. */
export const RUN_LIMITS: RunLimits = { events: 500, bytes: 1024 * 1024 };

const PAUSE_MS = { disconnected: 100, standby: 500, refusedRun: 50, failing: 1000 };
// Two relays without a lease refuse each other's runs now and then; a run that nobody else stores is another matter.
const REFUSALS_IN_PASSING = 3;
const STOPPED_WITHIN_MS = 2000;

export interface RelayOptions {
  databaseUrl: string;
  natsUrl: string;
  logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>;
  metrics: Registry;
  limits?: RunLimits;
  /** How often the log is read without a ring, in milliseconds; default 250. */
  pollMs?: number;
  /** How often a stream that is no copy is looked at again, in milliseconds; default 3000. */
  refusedRetryMs?: number;
  /** Time to live of the lease in milliseconds; default 6000, 10,000 at the most. */
  leaseTtlMs?: number;
  /** False: relays without the lease, whoever else does. Default true. */
  exclusive?: boolean;
}

export interface Relay extends Service {
  /** The log was appended to, up to `position`: publishes at once, and rings the doorbell. */
  ring(position: number): void;
  status(): RelayStatus;
}

/** A relay with its own connections to Postgres and NATS. `start` waits for neither. */
export function createRelayService(options: RelayOptions): Relay {
  const { logger, limits = RUN_LIMITS, pollMs = 250, refusedRetryMs = 3000, exclusive = true } = options;
  const alarm = createAlarm();
  const bus = createBus({ natsUrl: options.natsUrl, name: 'hookfold relay', logger });
  let refusals = 0;
  let status: RelayStatus = { state: 'stopped', position: 0 };
  let resources: ReturnType<typeof open> | undefined;

  const metrics = createRelayMetrics(
    options.metrics,
    () => status,
    async () => readHead(resources!.pool),
  );

  function open() {
    const pool = createPool(options.databaseUrl, {
      max: 3,
      connectionTimeoutMillis: 3000,
      query_timeout: 30_000,
    });
    const lease = exclusive
      ? createLeaseHolder({ pool, name: 'relay', ttlMs: options.leaseTtlMs, logger })
      : undefined;
    const stopping = new AbortController();
    return { pool, lease, stopping, running: run(pool, lease, stopping.signal) };
  }

  function enter(state: RelayState, error?: unknown): void {
    const text = error === undefined ? undefined : (error as Error).message;
    if (status.state !== state || status.error !== text) {
      if (error === undefined) logger.info({ position: status.position }, `relay is ${state}`);
      else logger[state === 'refused' ? 'error' : 'warn']({ err: error }, `relay is ${state}`);
    }
    status = { position: status.position, state, ...(text === undefined ? {} : { error: text }) };
  }

  async function run(pool: pg.Pool, lease: Lease, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await attempt(pool, lease, signal).catch(judge);
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async function attempt(pool: pg.Pool, lease: Lease, signal: AbortSignal): Promise<number> {
    const connection = bus.connection();
    if (!connection) {
      enter('disconnected');
      await lease?.stop(); // Another process may reach the server.
      return PAUSE_MS.disconnected;
    }
    await lease?.start();
    if (lease?.held() === false) {
      enter('standby');
      return PAUSE_MS.standby;
    }
    const epoch = bus.epoch();
    const firstRunEvents = refusals === 0 ? limits.events : 1;
    const mayPublish = () =>
      !signal.aborted && lease?.held() !== false && bus.epoch() === epoch && bus.connection() === connection;
    // What waits for an answer of a lost connection waits in vain; it finds that it may not publish when it wakes.
    await Promise.race([
      mirror({ connection, pool, limits, firstRunEvents, alarm, pollMs, mayPublish, onMirrored }),
      bus.gone(),
    ]);
    return 0;
  }

  function onMirrored(position: number, events: number): void {
    if (position !== status.position || events > 0) refusals = 0;
    status.position = position;
    if (refusals === 0) enter('mirroring');
    if (events === 0) return;
    metrics.published(events);
    ring(bus, position);
  }

  function judge(error: unknown): number {
    if (error instanceof StreamForeign || error instanceof StreamUnfit) {
      enter('refused', error);
      return refusedRetryMs;
    }
    if (error instanceof RunRefused && error.outOfOrder && refusals++ < REFUSALS_IN_PASSING)
      return PAUSE_MS.refusedRun;
    if (bus.connection()) enter('failing', error);
    return PAUSE_MS.failing;
  }

  async function start(): Promise<void> {
    if (resources) return;
    await bus.start();
    resources = open();
  }

  async function stop(): Promise<void> {
    if (!resources) return;
    const { pool, lease, stopping, running } = resources;
    resources = undefined;
    stopping.abort();
    alarm.ring();
    await Promise.race([running, delay(STOPPED_WITHIN_MS, undefined, { ref: false })]);
    await lease?.stop();
    await bus.stop();
    await running;
    await pool.end();
    enter('stopped');
  }

  return {
    start,
    stop,
    status: () => ({ ...status }),
    ring: (position) => {
      alarm.ring();
      ring(bus, position);
    },
  };
}

type Lease = ReturnType<typeof createLeaseHolder> | undefined;
