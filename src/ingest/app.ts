// The door's HTTP: which paths lead to it, how long a sender may take, and what becomes of bytes that are no HTTP.
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, problemText, sendProblem } from '../http/problem.js';
import { createServer, type Server, type ShownMetrics } from '../http/server.js';
import * as answers from './answers.js';
import type { Door } from './door.js';
import type { IngestMetrics } from './metrics.js';

export interface HttpTimes {
  /** For the request line and all headers. */
  headersTimeoutMs: number;
  /** For the whole request. */
  requestTimeoutMs: number;
  /** Between two requests of a connection. */
  keepAliveTimeoutMs: number;
  /** How often slow senders are looked for. */
  checkEveryMs: number;
  /** From a stop on, it listens for so long and ends each connection with an answer. */
  drainMs: number;
}

/** How long a sender may take where nothing else is asked for. */
export const HTTP_TIMES: HttpTimes = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  checkEveryMs: 2000,
  drainMs: 1500,
};

export interface IngestAppOptions {
  door: Door;
  metrics: IngestMetrics;
  /** What `/metrics` shows. */
  shown: ShownMetrics;
  logger: FastifyBaseLogger;
  times: HttpTimes;
  ready(): Promise<void>;
}

interface DoorParams {
  source: string;
  token?: string;
}

/** The app with its routes; the caller listens and closes. */
export function createIngestApp({ door, metrics, shown, logger, times, ready }: IngestAppOptions): Server {
  const app = createServer({
    logger,
    metrics: shown,
    ready,
    fastify: {
      // A request that still comes when the door has drained is taken: its sender would not send it again.
      return503OnClosing: false,
      requestTimeout: times.requestTimeoutMs,
      keepAliveTimeout: times.keepAliveTimeoutMs,
      http: { headersTimeout: times.headersTimeoutMs, connectionsCheckingInterval: times.checkEveryMs },
      // A token may be as long as node lets a request line be: too long a one is as wrong as any other.
      routerOptions: { ignoreTrailingSlash: true, maxParamLength: 64 * 1024 },
      clientErrorHandler: (error, socket) => answerGarbage(error, socket, metrics),
      frameworkErrors: answerBadUrl(metrics),
    },
  });
  // One logger for all: a child for each request costs a tenth of it, and nothing is logged of a single one.
  app.setChildLoggerFactory((parent) => parent);
  // A sender that closes its half after the request waits for the answer; node would hang up on it.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  const path = ['/webhooks/:source', '/webhooks/:source/:token'];
  const others = app.supportedMethods.filter((method) => method !== 'POST');
  for (const url of path) {
    app.route<{ Params: DoorParams }>({
      method: 'POST',
      url,
      // The hook is the handler: Fastify's reading of bodies, which refuses some Content-Types and cuts, is not
      // reached.
      onRequest: (request, reply) => {
        const { source, token } = request.params;
        reply.hijack();
        door(request.raw, reply.raw, source, token);
      },
      handler: unreachable,
    });
    app.route({
      method: others,
      url,
      exposeHeadRoute: false,
      onRequest: answerWrongMethod,
      handler: unreachable,
    });
  }
  return app;
}

function unreachable(): void {}

function answerWrongMethod(request: FastifyRequest, reply: FastifyReply): void {
  const detail = `webhooks are sent with POST, not ${request.method}`;
  sendProblem(reply, new Problem(405, 'method-not-allowed', detail, { allow: 'POST' }));
}

// A path that cannot be decoded: a token that is not one, or no path of ours. Its text is not repeated.
function answerBadUrl(metrics: IngestMetrics) {
  return (_error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    if (request.raw.url?.startsWith('/webhooks/') && request.method === 'POST') {
      reply.hijack();
      metrics.unauthenticated();
      answers.turnAway(reply.raw);
      return;
    }
    sendProblem(reply, new Problem(400, 'invalid-request', 'the path cannot be decoded'));
  };
}

const GARBAGE: Record<string, { status: number; detail: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'the headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'the request did not come to its end in time' },
};

/** Answers what node's parser refuses, if nothing was answered on this connection's request yet, and hangs up. */
function answerGarbage(error: Error & { code?: string }, socket: Socket, metrics: IngestMetrics): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  metrics.malformed();
  const { status, detail } = GARBAGE[error.code ?? ''] ?? { status: 400, detail: 'this is not HTTP/1.1' };
  const text = problemText({ status, code: 'invalid-http', detail });
  // A response that has begun must not have another one in its middle.
  const begun = (socket as Socket & { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent;
  if (socket.writable && !begun)
    socket.write(
      `HTTP/1.1 ${status} ${JSON.parse(text).title}\r\nContent-Type: application/problem+json\r\n` +
        `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
  socket.destroySoon();
}
