import { sqlState } from '../postgres/failure.js';
import type { Build } from '../read-models/build.js';
import type { Follower } from './follower.js';

/** The rows of one follower of several cannot be read or written, for a reason of its own table: a lock, or a change by hand. */
export class PartFailed extends Error {
  readonly buildId: number;
  /** SQLSTATE of what Postgres said. */
  readonly code: string;
  constructor({ projection, build_id }: Build, said: Error) {
    super(`the table of ${projection} cannot be read or written: ${said.message}`);
    this.buildId = build_id;
    this.code = sqlState(said)!;
  }
}

// 25: a transaction that has failed already, or may not write at all. 40: a race. 08, 53, 57P, 58: the server, or the way
// to it. None of them is a table's.
const OF_ALL = /^(08|25|40|53|57P|58)/;

/** Whether what Postgres said may be about one read model alone. */
export function isOfPart(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && !OF_ALL.test(state);
}

/** What an error of a follower's own statement is: its own, where it can be. */
export function partError({ build }: Follower, error: unknown): unknown {
  return isOfPart(error) ? new PartFailed(build, error as Error) : error;
}
