// The query API as a Fastify app: described by the same schemas that check its requests.
import type { FastifyBaseLogger } from 'fastify';
import type { Registry } from 'prom-client';
import { createServer, type Server } from '../http/server.js';
import { requireKeys } from './authenticate.js';
import type { QueryDeps } from './deps.js';
import { describeRoutes } from './describe-routes.js';
import type { KeyRing } from './key-ring.js';
import { toLogIncomplete } from './log-incomplete.js';
import { measureRequests } from './metrics.js';
import { addActivityRoute } from './routes/activity.js';
import { addConnectionRoutes } from './routes/connections.js';
import { addEventRoutes } from './routes/events.js';
import { addIntegrationRoutes } from './routes/integrations.js';
import { addLiveRoute } from './routes/live.js';
import { addOperationRoutes } from './routes/operations.js';
import { addResourceRoutes } from './routes/resources.js';
import { compileValidator } from './validate.js';

export interface QueryAppOptions extends QueryDeps {
  logger: FastifyBaseLogger;
  metrics: Registry;
  keys: KeyRing;
  ready(): Promise<void>;
}

/** All routes, not yet listening. */
export async function createQueryApp(options: QueryAppOptions): Promise<Server> {
  const { logger, metrics, ready, keys, ...given } = options;
  let isStopping = false;
  const deps: QueryDeps = { ...given, isGivenUp: () => isStopping };
  const app = createServer({
    logger,
    metrics,
    ready,
    explain: toLogIncomplete,
    fastify: { routerOptions: { maxParamLength: 4096 }, bodyLimit: 1024, requestTimeout: 60_000 },
  });
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  measureRequests(app, metrics);
  requireKeys(app, keys);
  await describeRoutes(app);
  addIntegrationRoutes(app, deps);
  addResourceRoutes(app, deps);
  addConnectionRoutes(app, deps);
  addActivityRoute(app, deps);
  addEventRoutes(app, deps);
  addLiveRoute(app, deps, keys);
  addOperationRoutes(app, deps);
  // Behind that of the live streams, which are told first.
  app.addHook('preClose', async () => {
    isStopping = true;
    deps.models.end();
    deps.head.end();
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  return app;
}
