// Answers about a row that stands still, since an event of it could not be folded.
import { type Problem, unavailable } from '../http/problem.js';

/** What is told of an answer that needs an event which could not be folded into the row: a problem (503). */
export function parkedAt(position: number): Problem {
  const detail =
    `the read model could not fold the event at ${position} into this row, and those behind it wait ` +
    `(hookfold parked list); as_of=${position - 1} is answered`;
  return unavailable('parked', detail, 60);
}

/** Throws that problem where an answer at `position`, which was waited for, has not the position that was asked for. */
export function assertFolded(position: number, { min_position }: { min_position?: number }): void {
  if (min_position !== undefined && position < min_position) throw parkedAt(position + 1);
}
