// Ingest: webhooks in over HTTP, events in the log out. Promise: a 202 is given after the commit that holds the
// event, and by that commit alone; memory is bounded; a fault of the database closes the door (503) and its end
// opens it, by itself.
import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { Registry } from 'prom-client';
import type { Configuration } from '../../schemas/configuration.js';
import { createAppender } from '../log/appender.js';
import type { RejectedBounds } from '../log/prune-rejected.js';
import { createPatientPool } from '../postgres/patience.js';
import type { Service } from '../service.js';
import { createIngestApp, HTTP_TIMES, type HttpTimes } from './app.js';
import { createDoor } from './door.js';
import { createDrain } from './drain.js';
import { createRejectionKeeper } from './keep-rejections.js';
import { createByteBudget } from './load.js';
import { createIngestMetrics } from './metrics.js';
import { createUseNotes } from './note-used.js';
import { BODY_LIMITS, type BodyLimits } from './read-body.js';
import { createSourceBook } from './source-book.js';
import { createDatabaseWatch } from './watch-database.js';

export interface IngestServiceOptions {
  configuration: Pick<Configuration, 'HOST' | 'INGEST_PORT'>;
  databaseUrl: string;
  logger: FastifyBaseLogger;
  /** What the door's metrics are registered with, and `/metrics` shows; default: a registry of its own. */
  metrics?: Registry;
  /** What `/metrics` shows besides, as Prometheus reads it. */
  moreMetrics?(): Promise<string>;
  /** Called after each commit with the last position that it answered. */
  onAppended?(position: number): void;
  /** Bytes of requests in flight at the most; default 64 MiB. A source may have half of it. */
  inFlightBytes?: number;
  limits?: Partial<BodyLimits>;
  times?: Partial<HttpTimes>;
  rejectedBounds?: RejectedBounds;
  /** How often the sources are read, in milliseconds; default 1,000. */
  refreshMs?: number;
}

export interface IngestService extends Service {
  /** Where it listens. */
  url(): string;
}

const IN_FLIGHT_BYTES = 64 * 1024 * 1024;
const CLOSE_WITHIN_MS = 4000;
const COMMIT_WITHIN_MS = 1500;
/** Milliseconds from a stop until every connection is closed; a supervisor waits longer before it kills a door. */
export const CLOSED_WITHIN_MS = CLOSE_WITHIN_MS + COMMIT_WITHIN_MS;

/**
 * Listens on HOST (one address of it, IPv4 first) and INGEST_PORT, whether the database is there or not. `stop` listens on
 * for `drainMs`, in which each connection ends with an answer that says so, then answers what is in flight: within 5.5 s
 * every connection is closed.
 */
export function createIngestService(options: IngestServiceOptions): IngestService {
  const { configuration, databaseUrl, logger, metrics: registry = new Registry() } = options;
  // A pool for commits, of which one is in flight, and one for all else, so that neither waits for the other.
  const waits = { connectionTimeoutMillis: 3000, idleTimeoutMillis: 60_000 };
  const commits = createPatientPool(databaseUrl, { statementMs: 10_000 }, { max: 2, ...waits });
  const pool = createPatientPool(databaseUrl, { statementMs: 4000 }, { max: 3, ...waits });
  const budget = createByteBudget(options.inFlightBytes ?? IN_FLIGHT_BYTES);
  const book = createSourceBook(budget, (options.inFlightBytes ?? IN_FLIGHT_BYTES) / 2);
  const metrics = createIngestMetrics(registry, budget, book);
  const watch = createDatabaseWatch({ pool, book, logger, everyMs: options.refreshMs });
  const rejections = createRejectionKeeper({ pool, logger, bounds: options.rejectedBounds });
  const notes = createUseNotes(pool, 5 * (options.refreshMs ?? 1000));
  const appender = createAppender({
    pool: commits,
    observer: {
      committed(events, seconds, lastPosition) {
        watch.committed();
        metrics.committed(events, seconds);
        options.onAppended?.(lastPosition);
      },
      failed: (_events, error) => watch.trip(error),
    },
  });
  const door = createDoor({
    appender,
    book,
    watch,
    rejections,
    metrics,
    limits: { ...BODY_LIMITS, ...options.limits },
    onUsed: notes.onUsed,
    logger,
  });
  const times = { ...HTTP_TIMES, ...options.times };
  const shown = {
    contentType: registry.contentType,
    metrics: async () => (await registry.metrics()) + ((await options.moreMetrics?.()) ?? ''),
  };
  const ready = async () => {
    if (drain.hasBegun()) throw new Error('it stops');
    const cause = watch.refusal();
    if (cause) throw new Error(`no event can be taken now: ${cause}`);
  };
  const app = createIngestApp({ door, metrics, shown, logger, times, ready });
  const drain = createDrain(app.server);

  // What is still being sent is cut off; what waits for its commit is answered before, if that comes.
  async function cutOff(): Promise<void> {
    await Promise.race([appender.idle(), delay(COMMIT_WITHIN_MS)]);
    app.server.closeAllConnections();
  }

  return {
    url: () => app.listeningOrigin,
    async start() {
      await watch.start();
      await rejections.start();
      await notes.start();
      if (app.server.listening) return;
      // One address: for each more that localhost has Fastify makes a server that a stop would not drain.
      const { address } = await lookup(configuration.HOST, { order: 'ipv4first' });
      await app.listen({ host: address, port: configuration.INGEST_PORT, backlog: 4096 });
    },
    async stop() {
      const cut = setTimeout(cutOff, CLOSE_WITHIN_MS);
      if (app.server.listening) await drain.end(times.drainMs);
      await app.close();
      clearTimeout(cut);
      await appender.idle();
      await rejections.stop();
      await notes.stop();
      await watch.stop();
      if (!commits.ended) await Promise.all([commits.end(), pool.end()]);
    },
  };
}
