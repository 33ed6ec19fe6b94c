// Folding for an answer takes as long as a key has events. What takes longer than a statement may is given up: its
// asker is told, and those that wait behind it are served.
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { unavailable } from '../http/problem.js';
import { type History, readHistory } from '../log/read-history.js';
import type { FoldDeps } from './deps.js';
import { stopping } from './positions.js';

/** How long an answer may be worked at: by a statement, or by its folds together. */
export const ANSWER_WITHIN_MS = 20_000;

/** When an answer that is begun now has to be there, as `performance.now()` tells it. */
export const answerUntil = (): number => performance.now() + ANSWER_WITHIN_MS;

/**
 * As `readHistory`, until then or until it is given up; throws a problem (503) where there is more to come. The first page is given at any time:
 * it tells whether the asker may see the row at all, and who may not is to be told nothing but that it is not there.
 */
export async function* readHistoryInTime(
  { log, isGivenUp = () => false }: Pick<FoldDeps, 'log' | 'isGivenUp'>,
  history: History,
  through: number,
  until = answerUntil(),
): AsyncGenerator<LoggedEvent[]> {
  let isBegun = false;
  for await (const events of readHistory(log, history, through)) {
    if (isGivenUp()) throw stopping();
    if (isBegun && performance.now() > until)
      throw unavailable(
        'too-slow',
        `there are more events up to that position than can be folded in ${ANSWER_WITHIN_MS / 1000} s; ` +
          'ask for an earlier position, for fewer rows, or for a single resource',
        5,
      );
    isBegun = true;
    yield events;
  }
}
