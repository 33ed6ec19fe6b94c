// The query API as a Fastify app: described by the same schemas that check its requests.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyBaseLogger, FastifyError } from 'fastify';
import type { Registry } from 'prom-client';
import { ProblemDetails } from '../../schemas/http-query.js';
import { handleError } from '../http/problem.js';
import { createServer, type Server } from '../http/server.js';
import { requireKeys } from './authenticate.js';
import type { QueryDeps } from './deps.js';
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

const DESCRIPTION = `What hookfold made of munity's webhooks. Every answer carries \`Hookfold-Position\`: all events of
the log up to it are in the answer. Lists are paged by \`cursor\`; errors are application/problem+json.`;

const NOT_JSON = { description: 'As the summary says' };
const ANY_ERROR = {
  description: 'An error',
  content: { 'application/problem+json': { schema: ProblemDetails } },
};

/** All routes, not yet listening. */
export async function createQueryApp(options: QueryAppOptions): Promise<Server> {
  const { logger, metrics, ready, keys, ...deps } = options;
  const app = createServer({
    logger,
    metrics,
    ready,
    fastify: { routerOptions: { maxParamLength: 4096 }, bodyLimit: 1024, requestTimeout: 60_000 },
  });
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error: FastifyError, request, reply) =>
    handleError(toLogIncomplete(error), request, reply),
  );
  measureRequests(app, metrics);
  requireKeys(app, keys);
  await describe(app);
  addIntegrationRoutes(app, deps);
  addResourceRoutes(app, deps);
  addConnectionRoutes(app, deps);
  addActivityRoute(app, deps);
  addEventRoutes(app, deps);
  addLiveRoute(app, deps, keys);
  addOperationRoutes(app, deps);
  // Behind that of the live streams, which are told first.
  app.addHook('preClose', async () => {
    deps.models.end();
    deps.head.end();
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  return app;
}

async function describe(app: Server): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'hookfold query', version: '1', description: DESCRIPTION },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/v1/')) return;
    const { response } = (route.schema ?? {}) as { response?: object };
    route.schema = { ...route.schema, response: { 200: NOT_JSON, ...response, default: ANY_ERROR } };
  });
}
