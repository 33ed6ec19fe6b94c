import type { Build } from '../../read-models/build.js';

/**
 * Postgres refuses a row of one of the builds, of the events up to `position`, which were to be written together:
 * nothing was done. Page by page the event behind it is found, and parked.
 */
export class RowsRefused extends Error {
  constructor(
    readonly builds: readonly Build[],
    readonly position: number,
    override readonly cause: unknown,
  ) {
    super(`a row of the events up to position ${position} is refused`);
  }
}
