// Folding for an answer takes as long as a key has events. What takes longer than a statement may is given up: its
// asker is told, and those that wait behind it are served.
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { unavailable } from '../http/problem.js';
import { type History, readHistory } from '../log/read-history.js';

/** How long an answer may be worked at: by a statement, or by a fold. */
export const ANSWER_WITHIN_MS = 20_000;

/** As `readHistory`, for `withinMs`; throws a problem (503) where there is more to come then. */
export async function* readHistoryInTime(
  log: pg.Pool,
  history: History,
  through: number,
  withinMs = ANSWER_WITHIN_MS,
): AsyncGenerator<LoggedEvent[]> {
  const until = performance.now() + withinMs;
  let read = 0;
  for await (const events of readHistory(log, history, through)) {
    if (performance.now() > until)
      throw unavailable(
        'too-slow',
        `${read} events up to that position were folded in ${withinMs / 1000} s, and more are to come; ` +
          'ask for an earlier position, or for a single resource',
        5,
      );
    read += events.length;
    yield events;
  }
}
