// The API's description, OpenAPI 3.1, out of the schemas of its routes, and what all of them have in common.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { Parameters, ProblemDetails } from '../../schemas/http-query.js';
import type { Server } from '../http/server.js';

const DESCRIPTION = `What hookfold made of munity's webhooks. Every answer carries \`Hookfold-Position\`: all events of
the log up to it are in the answer. Lists are paged by \`cursor\`; errors are application/problem+json.`;

const HEADERS = {
  'Hookfold-Position': { type: 'integer', description: 'All events of the log up to it are in the answer' },
};
const ANY_ERROR = {
  description: 'An error',
  content: { 'application/problem+json': { schema: ProblemDetails } },
};
const NO_PARAMETERS = Parameters({});

interface RouteSchema {
  response: Record<200, object>;
}

/** Adds `/docs` and the description of the routes that are added after it. A route that names no parameters takes none. */
export async function describeRoutes(app: Server): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'hookfold query', version: '1', description: DESCRIPTION },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          header: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        },
      },
      security: [{ bearer: [] }, { header: [] }],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/v1/')) return;
    const schema = route.schema as RouteSchema;
    const response = { 200: { headers: HEADERS, ...schema.response[200] }, default: ANY_ERROR };
    route.schema = { querystring: NO_PARAMETERS, ...schema, response };
  });
}
