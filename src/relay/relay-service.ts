// The relay: what the log holds goes to the stream, in order, each event once, message n being event n.
//
//   log ──(runs)──▶ stream           the stream's own last sequence is the only checkpoint
//    └─(position)──▶ doorbell        so that projectors, and the relay of another door, need not poll
//
// Any number may run: a lease lets one publish, and the expected sequence of each message keeps the stream right even
// where two do. Nothing here is in the way of an append: while the bus is away, or is not the log's, events wait in
// the log.
import type { BaseLogger } from 'pino';
import type { Registry } from 'prom-client';
import { createBus } from '../bus/connect.js';
import { onRing, ring } from '../bus/doorbell.js';
import { readHead } from '../log/read-log.js';
import type { RunLimits } from '../log/read-run.js';
import { createLeaseHolder } from '../postgres/lease-holder.js';
import { createPatientPool } from '../postgres/patience.js';
import type { Service } from '../service.js';
import { createAlarm } from './alarm.js';
import { runRelay } from './relay-loop.js';
import { createRelayMetrics, type RelayStatus } from './relay-metrics.js';
import { within } from './within.js';

/** Bounds of a run: a few milliseconds of work, and little memory. A query costs as much as reading 200 events. */
const RUN_LIMITS: RunLimits = { events: 2000, bytes: 2 * 1024 * 1024 };

const STOPPED_WITHIN_MS = 2000;
/** Metrics are asked for with the door's: a log that does not answer may not cost the others. */
const HEAD_WITHIN_MS = 500;

export interface RelayOptions {
  databaseUrl: string;
  natsUrl: string;
  logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>;
  metrics: Registry;
  limits?: RunLimits;
  /** How often the log is read without a ring, in milliseconds; default 250. */
  pollMs?: number;
  /**
   * How long the events of a busy log are gathered before the next run, in milliseconds; default 50. Few at a time
   * are published at once.
   */
  gatherMs?: number;
  /** How often a stream that is no copy is looked at again, in milliseconds; default 3000. */
  refusedRetryMs?: number;
  /** Time to live of the lease in milliseconds; default 6000, 10,000 at the most. */
  leaseTtlMs?: number;
  /** False: relays without the lease, whoever else does. Default true. */
  exclusive?: boolean;
}

export interface Relay extends Service {
  /** The log was appended to, up to `position`: publishes soon, and rings the doorbell. */
  ring(position: number): void;
  status(): RelayStatus;
}

/** A relay with its own connections to Postgres and NATS. `start` waits for neither. */
export function createRelayService(options: RelayOptions): Relay {
  const { logger, limits = RUN_LIMITS, pollMs = 250, gatherMs = 50 } = options;
  const { refusedRetryMs = 3000, exclusive = true } = options;
  const alarm = createAlarm();
  const bus = createBus({ natsUrl: options.natsUrl, name: 'hookfold relay', logger });
  const status: RelayStatus = { state: 'stopped', position: 0 };
  let resources: ReturnType<typeof open> | undefined;

  const metrics = createRelayMetrics(
    options.metrics,
    () => status,
    async () => within(HEAD_WITHIN_MS, readHead(resources!.pool), status.position),
  );

  // The door of a relay that stands by rings for what it has appended. One's own rings come back, too.
  let rungAt = 0;
  onRing(bus, (position) => {
    if (position > rungAt) alarm.ring();
  });

  function tell(position: number): void {
    rungAt = Math.max(rungAt, position);
    ring(bus, position);
  }

  function onPublished(position: number, events: number): void {
    metrics.published(events);
    tell(position);
  }

  function open() {
    const patience = { statementMs: 30_000 };
    const pool = createPatientPool(options.databaseUrl, patience, { max: 3, connectionTimeoutMillis: 3000 });
    const lease = exclusive
      ? createLeaseHolder({ pool, name: 'relay', ttlMs: options.leaseTtlMs, logger })
      : undefined;
    const stopping = new AbortController();
    const running = runRelay(
      { bus, pool, lease, alarm, limits, pollMs, gatherMs, refusedRetryMs, logger, status, onPublished },
      stopping.signal,
    );
    return { pool, lease, stopping, running };
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
    // A server that does not answer must not hold up the end of the process.
    await within(STOPPED_WITHIN_MS, running, undefined);
    await bus.stop(); // What is still in flight is over with this.
    await within(
      STOPPED_WITHIN_MS,
      running.then(() => lease?.stop()).then(() => pool.end()),
      undefined,
    );
  }

  return {
    start,
    stop,
    status: () => ({ ...status }),
    ring: (position) => {
      alarm.ring();
      tell(position);
    },
  };
}
