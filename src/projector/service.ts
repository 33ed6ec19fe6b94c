// The projector: reads the log behind its checkpoints, folds, writes read models and checkpoints together. NATS says
// when (the doorbell), Postgres says what; without a bus it polls. In: events. Out: rows. Promise: a row and the
// position it stands for change in one transaction.
import type { FastifyBaseLogger } from 'fastify';
import { Registry } from 'prom-client';
import type { Projection } from '../../projections/contract.js';
import { PROJECTIONS } from '../../projections/index.js';
import type { Configuration } from '../../schemas/configuration.js';
import { createBus } from '../bus/connect.js';
import { onRing } from '../bus/doorbell.js';
import { createServer } from '../http/server.js';
import { readAt, readHead } from '../log/read-log.js';
import { createPool } from '../postgres/connect.js';
import { createPatientPool, PAGE_PATIENCE, type Patience } from '../postgres/patience.js';
import { PIPELINED } from '../postgres/pipeline.js';
import { findMismatches } from '../read-models/same-log.js';
import { createServiceGroup, type Service } from '../service.js';
import { createProjectorMetrics } from './metrics.js';
import { createProjector } from './projector.js';
import { createPageReader } from './read-page.js';
import { createAutoRebuild } from './rebuild/auto-rebuild.js';
import { createRoster } from './roster.js';
import { createRunReader } from './run-reader.js';
import { untilFolded } from './until-folded.js';
import { createSelfCheck } from './verify/self-check.js';

export interface ProjectorServiceOptions {
  configuration: Configuration;
  databaseUrl: string;
  readDatabaseUrl: string;
  natsUrl: string | undefined;
  logger: FastifyBaseLogger;
  projections?: readonly Projection[];
  /** Split the projections keyed within an integration into so many segments, shared out among processes. */
  segments?: number;
  /** Time to live of the leases: so long at the most, and a quarter more, is the work of a dead process idle. */
  leaseTtlMs?: number;
  /** Time between two looks whether a newer version is to be rebuilt, in milliseconds. Default 5000. */
  autoRebuildMs?: number;
  /** How long Postgres is waited for while following. Default `PAGE_PATIENCE`. */
  patience?: Patience;
  /** Events of a page at the most. Default 2000. */
  pageEvents?: number;
}

export interface ProjectorService extends Service {
  /**
   * Resolves when all projections of this code, wherever they are folded, have reached the head the log has now. Rejects
   * where one never will: see `untilFolded`.
   */
  untilHead(): Promise<void>;
}

const AUTO_REBUILD_MS = 5000;
const SELF_CHECK_MS = 5000;
const POLL_MS = 100;
const POLL_WITH_DOORBELL_MS = 1000;
/** Events of a page that is followed, at the most. */
export const PAGE_EVENTS = 2000;
/** Bytes of it, at the most. */
export const PAGE_BYTES = 4 * 1024 * 1024;
/** One read model's checkpoints may be held for long: the others are not to wait for it longer than this. */
const LOCK_MS = 1000;
/** Estimated bytes of rows that are held of each read model, twice this at the most. */
export const GENERATION_BYTES = 16 * 1024 * 1024;

/** A projector process's service. Nothing is opened before `start`; it can be started again after a stop. */
export function createProjectorService(options: ProjectorServiceOptions): ProjectorService {
  let running: Running | undefined;
  return {
    async start() {
      if (running) return;
      running = openService(options);
      await running.service.start();
    },
    async stop() {
      const stopping = running;
      running = undefined;
      await stopping?.service.stop();
    },
    async untilHead() {
      if (!running) throw new Error('the projector is not running: start it before waiting for the head');
      await running.untilHead();
    },
  };
}

interface Running {
  service: Service;
  untilHead(): Promise<void>;
}

function openService(options: ProjectorServiceOptions): Running {
  const { configuration, natsUrl, logger, leaseTtlMs = 6000, segments } = options;
  const projections = options.projections ?? PROJECTIONS;
  const patience = options.patience ?? PAGE_PATIENCE;
  const logPool = createPatientPool(options.databaseUrl, patience, { max: 3 });
  const lockMs = Math.min(patience.lockMs ?? LOCK_MS, LOCK_MS);
  const readPool = createPatientPool(
    options.readDatabaseUrl,
    { ...patience, lockMs },
    { max: 4, ...PIPELINED },
  );
  // A rebuild makes indexes and compares tables, which takes as long as it takes.
  const unhurried = {
    logPool: createPool(options.databaseUrl, { max: 2 }),
    readPool: createPool(options.readDatabaseUrl, { max: 3 }),
  };
  const registry = new Registry();
  const metrics = createProjectorMetrics(registry, logPool, readPool, logger);
  const pageEvents = options.pageEvents ?? PAGE_EVENTS;
  const readPage = createPageReader({ readRun: createRunReader(logPool), pageEvents, pageBytes: PAGE_BYTES });
  const bus = natsUrl ? createBus({ natsUrl, name: 'hookfold-projector', logger }) : undefined;
  const generationBytes = GENERATION_BYTES;
  const projector = createProjector({
    readPage,
    readPool,
    roster: createRoster({
      pool: readPool,
      logPool,
      logger,
      projections,
      leaseTtlMs,
      generationBytes,
      segments,
    }),
    logger,
    leaseTtlMs,
    readHead: () => readHead(logPool),
    hasEvent: async (position) => (await readAt(logPool, position)) !== undefined,
    findMismatches: (checkpoints) => findMismatches(logPool, checkpoints),
    pollMs: () => (bus?.connection() ? POLL_WITH_DOORBELL_MS : POLL_MS),
    onPage: metrics.onPage,
  });
  // Of whichever connection, at rest or lent to somebody else than the rounds: behind the next one may be another log.
  logPool.on('remove', projector.logLeft);
  if (bus) onRing(bus, projector.ring);
  const ready = async () => {
    projector.assertReading();
    await readHead(logPool);
  };
  const app = createServer({ logger, metrics: registry, ready });
  const http: Service = {
    start: async () =>
      void (await app.listen({ port: configuration.PROJECTOR_PORT, host: configuration.HOST })),
    stop: () => app.close(),
  };
  const pools: Service = {
    start: async () => {},
    stop: async () => {
      const all = [logPool, readPool, unhurried.logPool, unhurried.readPool];
      await Promise.all(all.map((pool) => pool.end()));
    },
  };
  const background = { logPool, readPool, projections, logger };
  const everyMs = options.autoRebuildMs ?? AUTO_REBUILD_MS;
  const autoRebuild = createAutoRebuild({ ...background, unhurried, everyMs });
  const selfCheck = createSelfCheck({ ...background, registry, everyMs: SELF_CHECK_MS });
  return {
    service: createServiceGroup([pools, http, ...(bus ? [bus] : []), projector, autoRebuild, selfCheck]),
    untilHead: () => untilFolded({ ...background, projector, rebuildFault: autoRebuild.fault }),
  };
}
