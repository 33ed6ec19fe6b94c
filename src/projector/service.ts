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
import { createPool } from '../postgres/connect.js';
import { readProgress } from '../read-models/progress.js';
import type { Service } from '../service.js';
import { createProjectorMetrics } from './metrics.js';
import { createProjector, type Projector } from './projector.js';
import { createRoster } from './roster.js';

export interface ProjectorServiceOptions {
  configuration: Configuration;
  databaseUrl: string;
  readDatabaseUrl: string;
  natsUrl: string | undefined;
  logger: FastifyBaseLogger;
  projections?: readonly Projection[];
  /** Split the projections keyed within an integration into so many segments, shared out among processes. */
  segments?: number;
  leaseTtlMs?: number;
}

export interface ProjectorService extends Service {
  /** Resolves when all projections of this code, wherever they are folded, have reached the head of the log. */
  untilHead(): Promise<void>;
}

const POLL_MS = 100;
const POLL_WITH_DOORBELL_MS = 1000;
const PAGE_EVENTS = 2000;
const GENERATION_BYTES = 32 * 1024 * 1024;

export function createProjectorService(options: ProjectorServiceOptions): ProjectorService {
  const { configuration, databaseUrl, readDatabaseUrl, natsUrl, logger, leaseTtlMs = 8000 } = options;
  const projections = options.projections ?? PROJECTIONS;
  const logPool = createPool(databaseUrl, { max: 3 });
  const readPool = createPool(readDatabaseUrl, { max: 4 });
  const registry = new Registry();
  const metrics = createProjectorMetrics(registry, logPool, readPool);
  const roster = createRoster({ pool: readPool, projections, leaseTtlMs, generationBytes: GENERATION_BYTES });
  const projector = createProjector({
    logPool,
    readPool,
    roster,
    logger,
    leaseTtlMs,
    pageEvents: PAGE_EVENTS,
    pollMs: natsUrl ? POLL_WITH_DOORBELL_MS : POLL_MS,
    onPage: metrics.onPage,
  });
  const app = createServer({ logger, metrics: registry, ready: () => assertReading(projector) });
  const bus = natsUrl ? createBus({ natsUrl, name: 'hookfold-projector', logger }) : undefined;
  if (bus) onRing(bus, projector.ring);

  return {
    async start() {
      await app.listen({ port: configuration.PROJECTOR_PORT, host: configuration.HOST });
      await bus?.start();
      await projector.start();
    },
    async stop() {
      await bus?.stop();
      await projector.stop();
      await app.close();
      await Promise.all([logPool.end(), readPool.end()]);
    },
    async untilHead() {
      for (;;) {
        await projector.untilHead();
        const progress = await readProgress(logPool, readPool);
        if (progress.length > 0 && progress.every(({ lag_events }) => lag_events === 0)) return;
      }
    },
  };
}

async function assertReading(projector: Projector): Promise<void> {
  const failure = projector.failure();
  if (failure) throw new Error(`the projector cannot read or write: ${failure.message}`);
}
