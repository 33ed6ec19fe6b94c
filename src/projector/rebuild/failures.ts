// Read models that are rebuilt together go their ways apart: one that cannot be built, indexed or swapped in keeps no
// other from it.
import type { Projection } from '../../../projections/contract.js';

/** What could not be finished of a rebuild, and why; the others go on without it. */
export interface Failures {
  /** Answers what a step of one read model answers; undefined where it throws, and the error is kept. */
  attempt<Answer>(name: string, step: () => Promise<Answer>): Promise<Answer | undefined>;
  /** Keeps an error of a step of several that names the one at fault (`TooManyParked`); throws any other. */
  keep(error: Error & { code?: string; projection?: string }): void;
  /** Those of the read models that go on. */
  without<Each extends { projection: Projection }>(all: readonly Each[]): Each[];
  /** By name, in the order in which they came. */
  errors: ReadonlyMap<string, Error>;
}

/** Failures of a rebuild that has none yet. Once `signal` is aborted its reason is thrown, and nothing is kept. */
export function createFailures(signal: AbortSignal): Failures {
  const errors = new Map<string, Error>();
  return {
    errors,
    async attempt(name, step) {
      try {
        return await step();
      } catch (error) {
        signal.throwIfAborted();
        errors.set(name, error as Error);
        return undefined;
      }
    },
    // From a worker it comes as an error of no class, with its fields.
    keep(error) {
      signal.throwIfAborted();
      if (error.code !== 'HOOKFOLD_TOO_MANY_PARKED') throw error;
      errors.set(error.projection!, error);
    },
    without: (all) => all.filter(({ projection }) => !errors.has(projection.name)),
  };
}
