// What the door answers, written straight to the socket's response: no serialiser, no hooks, on the busiest path.
import type { ServerResponse } from 'node:http';
import { REFUSALS, REJECTIONS, type RefusalCause, type RejectedReason } from '../../schemas/http-ingest.js';
import { problemText } from '../http/problem.js';
import type { Appended } from '../log/append-events.js';

const JSON_TYPE = 'application/json';
const PROBLEM_TYPE = 'application/problem+json';
const RETRY_AFTER_SECONDS = '2';

type Headers = readonly string[];

function answer(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  more: Headers = [],
): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, [
    'content-type',
    type,
    'content-length',
    String(Buffer.byteLength(text)),
    ...more,
  ]);
  response.end(text);
}

/** 202, or 200 for a repeat. */
export function acknowledge(response: ServerResponse, { position, event_id, duplicate }: Appended): void {
  const text = `{"position":${position},"event_id":"${event_id}","duplicate":${duplicate}}`;
  answer(response, duplicate ? 200 : 202, JSON_TYPE, text);
}

const UNAUTHENTICATED = problemText({
  status: 401,
  code: 'unauthenticated',
  detail: 'no such source, or its credentials do not hold',
});

/** 401, the same for whatever was wrong. */
export function turnAway(response: ServerResponse): void {
  answer(response, 401, PROBLEM_TYPE, UNAUTHENTICATED, [
    'www-authenticate',
    'Bearer, Basic realm="hookfold"',
  ]);
}

/** The 4xx of a reason. `closes` where the sender goes on sending and is not waited for. */
export function reject(response: ServerResponse, reason: RejectedReason, closes = false): void {
  const { status, detail } = REJECTIONS[reason];
  const text = problemText({ status, code: reason.replaceAll('_', '-'), detail });
  answer(response, status, PROBLEM_TYPE, text, closes ? ['connection', 'close'] : []);
}

/** 503 with Retry-After. */
export function refuse(response: ServerResponse, cause: RefusalCause): void {
  answer(response, 503, PROBLEM_TYPE, REFUSED.get(cause)!, ['retry-after', RETRY_AFTER_SECONDS]);
}

// Made once: a closed door answers whoever asks, and that is to cost no more than to turn them away.
const REFUSED = new Map(
  Object.entries(REFUSALS).map(([cause, why]) => {
    const problem = { status: 503, code: cause.replaceAll('_', '-'), detail: `${why}; send it again` };
    return [cause as RefusalCause, problemText(problem)];
  }),
);
