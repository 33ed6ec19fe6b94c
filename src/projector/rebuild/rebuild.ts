// A rebuild, from the first event to the swap:
//
//   prepare   a build of each projection, new or the one that the same code was interrupted in
//   load      one pass over the log for all of them, by one or several workers, yielding to live work
//   index     secondary indexes, after the load
//   finish    each under its live build's checkpoints: compare, swap
//
// The live tables serve and follow all the while. A lease a projection keeps a second rebuild out.
import type { FastifyBaseLogger } from 'fastify';
import type { Projection } from '../../../projections/contract.js';
import { isLocked } from '../../postgres/failure.js';
import type { Build } from '../../read-models/build.js';
import type { Pools } from '../pools.js';
import { createFailures, type Failures } from './failures.js';
import { CATCH_UP_LIMIT, type FinishOptions, finishRebuild, type Outcome } from './finish.js';
import { giveWay, LOCK_ROUNDS } from './give-way.js';
import { holdRebuild } from './hold.js';
import { loadAndIndex, loadUpTo } from './load-and-index.js';
import { type Leftover, prepareBuild } from './prepare.js';
import { dropOutlived } from './retire.js';
import { RowsRefused } from './rows-refused.js';
import { runningCode } from './running-code.js';
import { tellFailures } from './tell-failures.js';
import { type ProgressTelling, tellProgress } from './tell-progress.js';

export interface Rebuilding {
  projection: Projection;
  build: Build;
}

export interface RebuildProgressReport {
  position: number;
  head: number;
  /** Events folded a second in this pass; undefined while it is not known. */
  rate: number | undefined;
}

/** Loads builds up to a position: in this process, or by workers. */
export type Loader = (
  builds: readonly Rebuilding[],
  to: number,
  onProgress: (position: number) => Promise<void> | void,
) => Promise<void>;

export interface RebuildOptions extends Omit<FinishOptions, 'catchUpLimit'> {
  /** See `FinishOptions`. Default 20,000. */
  catchUpLimit?: number;
  logger: FastifyBaseLogger;
  /** How many fold at once: a build keyed within an integration gets so many segments at least. */
  workers: number;
  load: Loader;
  /** For indexes and the comparison, which take as long as they take. Default: `logPool` and `readPool`. */
  unhurried?: Pools;
  /** What code folds; only what the same code left behind is gone on with. Default: `runningCode`. */
  code?: string;
  /** Told of what an earlier rebuild left behind. */
  onLeftover?(leftover: Leftover): void;
  /** Told after each page; what it awaits holds the load up. */
  onProgress?(progress: RebuildProgressReport): Promise<void> | void;
  /** Told of each as it comes: where another fails, these are what there is. */
  onOutcome?(name: string, outcome: Outcome): void;
  /** `wait`: for a process that may have been killed at the same rebuild. */
  onPhase?(phase: 'wait' | 'load' | 'index' | 'finish'): void;
}

/**
 * Rebuilds projections over one pass of the log. Answers what became of each. One that cannot be built, indexed or swapped
 * in keeps no other from it: its error is thrown at the end, an AggregateError where there were others.
 */
export async function rebuild(
  projections: readonly Projection[],
  given: RebuildOptions,
): Promise<Map<string, Outcome>> {
  const hold = await holdRebuild(given.readPool, projections, {
    logger: given.logger,
    signal: given.signal,
    onWait: () => given.onPhase?.('wait'),
  });
  const options = {
    ...given,
    signal: AbortSignal.any([hold.signal, ...(given.signal ? [given.signal] : [])]),
  };
  const failures = createFailures(options.signal);
  const builds: Rebuilding[] = [];
  let telling: ProgressTelling | undefined;
  try {
    const code = options.code ?? runningCode();
    for (const projection of projections)
      await failures.attempt(projection.name, async () => {
        builds.push({ projection, build: await prepareBuild(projection, { ...options, code }) });
      });
    await tellFailures(options.readPool, builds, new Map());
    telling = tellProgress(
      options.readPool,
      builds.map(({ build }) => build),
    );
    const told = { ...options, onProgress: both(telling.note, options.onProgress) };
    await loadAndIndex(builds, failures, told);
    options.onPhase?.('finish');
    const outcomes = await finishAll(builds, failures, told);
    if (failures.errors.size > 0) throw failure(failures.errors, outcomes);
    return outcomes;
  } catch (error) {
    if (!options.signal.aborted) {
      const failed = builds.map(({ projection: { name } }) => [name, error as Error] as const);
      await tellFailures(
        options.readPool,
        builds,
        failures.errors.size > 0 ? failures.errors : new Map(failed),
      );
    }
    // Who lost its lease may hear first of the checkpoints that the other moved: why, says the signal.
    throw hold.signal.aborted ? hold.signal.reason : error;
  } finally {
    await telling?.end();
    await hold.release();
  }
}

const both =
  (note: ProgressTelling['note'], onProgress: RebuildOptions['onProgress']): RebuildOptions['onProgress'] =>
  (progress) => {
    note(progress);
    return onProgress?.(progress);
  };

async function finishAll(
  builds: readonly Rebuilding[],
  failures: Failures,
  options: RebuildOptions,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  for (const rebuilding of failures.without(builds)) {
    const { name } = rebuilding.projection;
    await failures.attempt(name, async () => {
      const outcome = await finish(rebuilding, options);
      outcomes.set(name, outcome);
      options.onOutcome?.(name, outcome);
      if (outcome.kind === 'swapped') await tidy(name, options);
    });
  }
  return outcomes;
}

function failure(errors: ReadonlyMap<string, Error>, outcomes: ReadonlyMap<string, Outcome>): Error {
  const all = [...errors.values()];
  if (errors.size + outcomes.size === 1) return all[0]!;
  const failed = [...errors].map(([name, { message }]) => `${name}: ${message}`);
  const done = [...outcomes].map(([name, { kind }]) => `${name}: ${kind}`);
  return new AggregateError(all, [...failed, ...done].join('\n'));
}

// The swap is made: what cannot be dropped now is dropped by the next.
async function tidy(name: string, { readPool, logger }: RebuildOptions): Promise<void> {
  await dropOutlived(readPool, name).catch((error) =>
    logger.warn(
      { err: error, projection: name },
      'tables of before could not be dropped; the next swap does',
    ),
  );
}

// The live build may move on between the load and the transaction, or lag behind with nobody following it: what is
// behind is brought up first, so that the transaction that holds it stays short. So is what is refused in it: outside,
// its event is parked.
async function finish({ projection, build }: Rebuilding, options: RebuildOptions): Promise<Outcome> {
  async function bringUp(builds: readonly Build[], position: number): Promise<undefined> {
    const behind = builds.map((each) => ({ projection, build: each }));
    await loadUpTo(behind, position, options).catch(ignoreMoved);
  }
  for (let round = 1; ; round++) {
    options.signal?.throwIfAborted();
    const limit = options.catchUpLimit ?? CATCH_UP_LIMIT;
    const catchUpLimit = round < LOCK_ROUNDS ? limit : Number.POSITIVE_INFINITY;
    const finishing = { ...options, ...options.unhurried, catchUpLimit };
    const outcome = await finishRebuild(projection, build, finishing).catch((error) => {
      if (isLocked(error)) return giveWay(error, round);
      if (!(error instanceof RowsRefused) || round >= LOCK_ROUNDS) return ignoreMoved(error);
      return bringUp(error.builds, error.position);
    });
    if (outcome === undefined) continue;
    if (outcome.kind !== 'behind') return outcome;
    await bringUp([outcome.build], outcome.position);
  }
}

// Somebody else moved the live build meanwhile, or split it: what there is now is looked at again.
function ignoreMoved(error: { code?: string }): undefined {
  if (error.code !== 'HOOKFOLD_CHECKPOINT_MOVED') throw error;
  return undefined;
}
