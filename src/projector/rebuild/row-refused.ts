import type { Build } from '../../read-models/build.js';

/**
 * Postgres refuses a row of one of the builds, from the events up to `position` that they were behind: nothing was done.
 * Page by page the event is found, and parked.
 */
export class RowRefused extends Error {
  constructor(
    readonly builds: readonly Build[],
    readonly position: number,
    override readonly cause: unknown,
  ) {
    super(`a row of the events up to position ${position} is refused`);
  }
}
