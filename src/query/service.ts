// The query role. In: HTTP requests with an API key. Out: rows of the read models and events of the log, each with
// the position it was read at. It writes nothing but that a key was used.
import type { FastifyBaseLogger } from 'fastify';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Configuration } from '../../schemas/configuration.js';
import type { Server } from '../http/server.js';
import { readHead } from '../log/read-log.js';
import { createPool } from '../postgres/connect.js';
import type { Service } from '../service.js';
import { createQueryApp } from './app.js';
import { createKeyRing } from './key-ring.js';
import { createPositionWatch, readModelPositions } from './positions.js';

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

const STATEMENT_TIMEOUT_MS = 20_000;

// No JIT: compiling would cost the short statements of this role more than they take.
const SETTINGS = `SET jit = off; SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`;

function createQueryPool(url: string, settings: string) {
  return createPool(url, { onConnect: async (client) => void (await client.query(settings)) });
}

export function createQueryService(options: QueryOptions): QueryService {
  const { configuration, databaseUrl, readDatabaseUrl, logger } = options;
  let app: Server | undefined;
  let close = async () => {};

  async function start(): Promise<void> {
    if (app) return;
    const log = createQueryPool(databaseUrl, SETTINGS);
    const read = createQueryPool(readDatabaseUrl, `${SETTINGS}; SET default_transaction_read_only = on`);
    const metrics = new Registry();
    collectDefaultMetrics({ register: metrics });
    close = async () => {
      await app?.close();
      app = undefined;
      await Promise.all([log.end(), read.end()]);
      close = async () => {};
    };
    const ready = async () => void (await Promise.all([readHead(log), readModelPositions(read)]));
    const models = createPositionWatch(() => readModelPositions(read));
    const head = createPositionWatch(async () => new Map([['log', await readHead(log)]]));
    try {
      app = await createQueryApp({
        logger,
        metrics,
        ready,
        keys: createKeyRing(log),
        log,
        read,
        models,
        head,
      });
      await app.listen({ host: configuration.HOST, port: configuration.QUERY_PORT });
    } catch (error) {
      await close();
      throw error;
    }
    logger.info({ url: app.listeningOrigin }, 'query listens');
  }

  return {
    start,
    stop: () => close(),
    url: () => app!.listeningOrigin,
  };
}
