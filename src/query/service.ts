// The query role. In: HTTP requests with an API key. Out: rows of the read models and events of the log, each with
// the position it was read at. It writes nothing but that a key was used.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { Registry } from 'prom-client';
import type { Configuration } from '../../schemas/configuration.js';
import { createBus } from '../bus/connect.js';
import { onRing } from '../bus/doorbell.js';
import type { Server } from '../http/server.js';
import { readHead } from '../log/read-log.js';
import { createPatientPool } from '../postgres/patience.js';
import type { Service } from '../service.js';
import { createQueryApp } from './app.js';
import { ANSWER_WITHIN_MS } from './history-in-time.js';
import { createKeyRing } from './key-ring.js';
import { createPositionWatch, readModelPositions } from './positions.js';
import { assertReady } from './ready.js';

export interface QueryOptions {
  configuration: Pick<Configuration, 'HOST' | 'QUERY_PORT'>;
  databaseUrl: string;
  readDatabaseUrl: string;
  natsUrl?: string | undefined;
  logger: FastifyBaseLogger;
}

export interface QueryService extends Service {
  /** Where it listens, once started. */
  url(): string;
}

/**
 * The role's pool on a database. Whoever creates it ends it. It does not ask for transactions that only read: behind a
 * pooler a setting stays on the server's connection, and that may be lent to the door next.
 */
export function createQueryPool(url: string): pg.Pool {
  // No JIT: compiling would cost the short statements of this role more than they take.
  return createPatientPool(url, { statementMs: ANSWER_WITHIN_MS }, { settings: 'SET jit = off' });
}

/** The query role's service. Nothing is opened before `start`; it can be started again after a stop. */
export function createQueryService(options: QueryOptions): QueryService {
  let running: { app: Server; close(): Promise<void> } | undefined;
  return {
    async start() {
      if (running) return;
      const { HOST, QUERY_PORT } = options.configuration;
      const opened = await open(options);
      try {
        await opened.app.listen({ host: HOST, port: QUERY_PORT });
      } catch (error) {
        await opened.close();
        throw error;
      }
      running = opened;
      options.logger.info({ url: opened.app.listeningOrigin }, 'query listens');
    },
    async stop() {
      const stopping = running;
      running = undefined;
      await stopping?.close();
    },
    url: () => running!.app.listeningOrigin,
  };
}

async function open({ databaseUrl, readDatabaseUrl, natsUrl, logger }: QueryOptions) {
  const log = createQueryPool(databaseUrl);
  const read = createQueryPool(readDatabaseUrl);
  const models = createPositionWatch(() => readModelPositions(read));
  const head = createPositionWatch(async () => new Map([['log', [await readHead(log)]]]));
  const bus = natsUrl === undefined ? undefined : createBus({ natsUrl, name: 'hookfold query', logger });
  if (bus)
    onRing(bus, () => {
      head.wake();
      models.wake();
    });
  await bus?.start();
  const metrics = new Registry();
  const ready = () => assertReady({ log, read });
  const keys = createKeyRing(log);
  const app = await createQueryApp({ logger, metrics, ready, keys, log, read, models, head });
  const close = async () => {
    await app.close();
    await Promise.all([bus?.stop(), log.end(), read.end()]);
  };
  return { app, close };
}
