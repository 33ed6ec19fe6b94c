import { type Problem, unavailable } from '../http/problem.js';
import { EventMissing } from '../log/missing-event.js';

/** What is told of an answer that needs events which are not in the log at present: a problem (503). Else the error itself. */
export function toLogIncomplete<Failure extends Error>(error: Failure): Failure | Problem {
  if (!(error instanceof EventMissing)) return error;
  const detail =
    `the answer needs all events up to its position, and the log has none at ${error.position} at present: ` +
    'that part of it is detached';
  return unavailable('log-incomplete', detail, 60, error);
}
