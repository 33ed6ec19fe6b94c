import { sqlState } from '../postgres/failure.js';
import type { Follower } from './follower.js';

/** The rows of one follower of several cannot be read or written, for a reason of its own table: a lock, or a change by hand. */
export class PartFailed extends Error {
  /** SQLSTATE of the cause. */
  readonly code: string;
  constructor(
    readonly follower: Follower,
    override readonly cause: Error,
  ) {
    super(`the table of ${follower.projection.name} cannot be read or written: ${cause.message}`);
    this.code = sqlState(cause)!;
  }
}

// 25: a transaction that has failed already, or may not write at all. 40: a race. 08, 53, 57P, 58: the server, or the way
// to it. None of them is a table's.
const OF_ALL = /^(08|25|40|53|57P|58)/;

/** What an error of a follower's own statement is: its own, where it can be. */
export function partError(follower: Follower, error: unknown): unknown {
  const state = sqlState(error);
  return state === undefined || OF_ALL.test(state) ? error : new PartFailed(follower, error as Error);
}
