// Why single read models do not go on, while the others do.
import { describeFailure, sqlState } from '../postgres/failure.js';

/** A read model that does not go on, and why. */
export interface Fault {
  name: string;
  cause: Error;
}

/** One error that says of each why it does not go on; undefined where all do. */
export function failureOf(faults: readonly Fault[]): Error | undefined {
  const names = new Map<string, string[]>();
  for (const { name, cause } of faults) {
    const why = describeFailure(cause);
    names.set(why, [...(names.get(why) ?? []), name]);
  }
  if (names.size === 0) return undefined;
  const told = [...names].map(([why, waiting]) => `${waiting.join(', ')} cannot go on: ${why}`);
  return new Error(told.join(' '));
}

const OURS = ['ANOTHER_LOG', 'CHECKPOINTS_MISSING', 'LEFT_TO_PEOPLE', 'TOO_MANY_PARKED'].map(
  (name) => `HOOKFOLD_${name}`,
);
/** Something of somebody's hangs on a view; a schema, table, column or right is not there; SQL that is none. */
const NOT_AS_EXPECTED = /^(2B|3F|42)/;

/** Whether it stays as it is until a person acts: no waiting helps. Of several errors in one, all have to. */
export function isLasting(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isLasting);
  const code = (error as { code?: string } | undefined)?.code ?? '';
  return OURS.includes(code) || NOT_AS_EXPECTED.test(sqlState(error) ?? '');
}
