// The HTTP server under every role: problem+json errors, and the three paths that operators ask.
import type { Server as HttpServer } from 'node:http';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyHttpOptions,
  type FastifyReply,
  LogController,
} from 'fastify';
import type { Registry } from 'prom-client';
import { handleError, Problem, sendProblem } from './problem.js';

/** What a registry shows. */
export type ShownMetrics = Pick<Registry, 'contentType' | 'metrics'>;

export interface ServerOptions {
  logger: FastifyBaseLogger;
  /** What `/metrics` shows. */
  metrics: ShownMetrics;
  /** Resolves when the role can do its work; its error is the reason why not. */
  ready(): Promise<void>;
  /** What an error of this role is to a caller: a problem, or the error itself. */
  explain?(error: FastifyError): FastifyError | Problem;
  fastify?: Omit<FastifyHttpOptions<HttpServer>, 'loggerInstance'>;
}

export type Server = ReturnType<typeof createServer>;

/** A Fastify app with `/healthz`, `/readyz` and `/metrics`; the caller adds routes and listens. */
export function createServer({ logger, metrics, ready, explain, fastify }: ServerOptions) {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    frameworkErrors: answerBadUrl,
    ...fastify,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setErrorHandler((error: FastifyError, request, reply) =>
    handleError(explain?.(error) ?? error, request, reply),
  );
  app.setNotFoundHandler((request, reply) => {
    sendProblem(
      reply,
      new Problem(
        404,
        'not-found',
        `there is no ${request.method} ${request.routeOptions.url ?? 'route of this path'}`,
      ),
    );
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reason = await ready().then(
      () => undefined,
      (error: Error) => error.message,
    );
    return reply
      .code(reason === undefined ? 200 : 503)
      .send({ status: reason === undefined ? 'ready' : 'not ready', reason });
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  return app;
}

/** Fastify's handler of a path that cannot be decoded, or has a part that is too long. Its text is not repeated. */
function answerBadUrl(_error: unknown, _request: unknown, reply: FastifyReply): void {
  const detail = 'the path cannot be decoded, or a part of it is too long';
  sendProblem(reply, new Problem(400, 'invalid-request', detail));
}
