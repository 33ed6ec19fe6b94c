// Errors over HTTP in one form: application/problem+json (RFC 9457). A 4xx tells the caller what to change; of a
// 5xx the text stays inside.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

/** An error that a caller is meant to read. `code` is stable; `detail` says what was expected, found, and to do. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly headers: Record<string, string> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

/** Our fault or a passing one: the caller may try again after `retryAfterSeconds`. */
export function unavailable(code: string, detail: string, retryAfterSeconds = 2, cause?: unknown): Problem {
  return new Problem(503, code, detail, { 'retry-after': String(retryAfterSeconds) }, { cause });
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** The JSON of a problem. */
export function problemText({
  status,
  code,
  detail,
}: {
  status: number;
  code: string;
  detail: string;
}): string {
  return JSON.stringify({
    type: `urn:hookfold:${code}`,
    title: TITLES[status] ?? 'Error',
    status,
    code,
    detail,
  });
}

/** Sends a problem. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, code, message: detail, headers } = problem;
  return reply
    .code(status)
    .headers(headers)
    .type('application/problem+json')
    .send(problemText({ status, code, detail }));
}

/** Fastify's error handler: the one place that maps errors to HTTP. What is not known to be the caller's is a 503. */
export function handleError(
  error: FastifyError | Problem,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const problem = error instanceof Problem ? error : toProblem(error);
  // Without a cause it is what a caller is told in the ordinary course: it waited too short, or came too late.
  const { cause, status, message } = problem;
  if (status >= 500) request.log[cause === undefined ? 'debug' : 'error']({ err: cause ?? problem }, message);
  sendProblem(reply, problem);
}

function toProblem(error: FastifyError): Problem {
  if (error.validation) return new Problem(400, 'invalid-request', error.message);
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new Problem(status, 'invalid-request', error.message);
  return unavailable('unavailable', 'the service cannot answer now; try again', 2, error);
}
