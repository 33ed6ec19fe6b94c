// Parked events, for people: what is parked and why; try again after a fix; give one up.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { type Build, findBuild } from '../read-models/build.js';
import { CheckpointMoved } from '../read-models/checkpoint.js';
import type { Pools } from './pools.js';
import { discardEvent, findParkedKey, retryPage } from './retry-page.js';

export interface ParkedEvent {
  projection: string;
  version: number;
  position: number;
  event: string;
  /** Why it could not be folded, or behind which position of its key it waits. */
  reason: string;
  parked_at: string;
}

/** Which parked events are meant; all where nothing is named. */
export interface ParkedFilter {
  projection?: string | undefined;
  position?: number | undefined;
}

/** What became of the parked events that were tried. */
export interface RetryOutcome {
  projection: string;
  /** Events that are in the read model now. */
  folded: number;
  /** Events that stay parked, with their reasons of now. */
  parked: number;
}

const LISTED_AT_ONCE = 1000;

/**
 * The parked events of the live builds of these projections' versions, which are those that `retryParked` and
 * `discardParked` reach, by projection and position; read as they are asked for, since there may be very many.
 */
export async function* listParked(
  readPool: pg.Pool,
  projections: readonly Projection[],
  { projection: name, position }: ParkedFilter = {},
): AsyncGenerator<ParkedEvent> {
  for (const { name: projection, version } of named(projections, name)) {
    // A build stays live after a higher version was swapped in, for processes of the old code; only those fold it.
    const build = await findBuild(readPool, { name: projection, version }, 'live');
    for (let after: number | undefined = 0; build && after !== undefined; ) {
      const { rows }: pg.QueryResult<Omit<ParkedEvent, 'projection' | 'version'>> = await readPool.query(
        `SELECT position, event, reason, parked_at FROM projector.parked
         WHERE build_id = $1 AND position > $2 AND ($3::bigint IS NULL OR position = $3) ORDER BY position LIMIT $4`,
        [build.build_id, after, position ?? null, LISTED_AT_ONCE],
      );
      for (const row of rows) yield { projection, version, ...row };
      after = rows.at(-1)?.position;
    }
  }
}

const named = (projections: readonly Projection[], name: string | undefined) =>
  projections.filter((projection) => name === undefined || projection.name === name);

/**
 * Folds parked events again, in order, with the code as it is now; `filter.position` names its whole key. What fails again
 * stays parked. Projectors go on meanwhile; killed half-way, what is not done yet is still parked. Tells each outcome as it
 * comes. A read model that cannot be retried keeps no other from it: its error is thrown at the end, an AggregateError of
 * several.
 */
export async function retryParked(
  pools: Pools,
  projections: readonly Projection[],
  filter: ParkedFilter = {},
  onOutcome?: (outcome: RetryOutcome) => void,
): Promise<RetryOutcome[]> {
  const outcomes: RetryOutcome[] = [];
  const errors: Error[] = [];
  for (const projection of named(projections, filter.projection))
    try {
      const outcome = await anewWhereSwapped(() => retryProjection(pools, projection, filter.position));
      if (!outcome) continue;
      outcomes.push(outcome);
      onOutcome?.(outcome);
    } catch (error) {
      errors.push(error as Error);
    }
  if (errors.length > 1) throw new AggregateError(errors, errors.map(({ message }) => message).join('\n'));
  if (errors[0]) throw errors[0];
  return outcomes;
}

/** What was settled before a swap counts for the build of before: of the one that is live then all is tried. */
async function retryProjection(
  pools: Pools,
  projection: Projection,
  position: number | undefined,
): Promise<RetryOutcome | undefined> {
  const build = await findBuild(pools.readPool, projection, 'live');
  if (!build) return undefined;
  if (position === undefined) return retryBuild(pools, projection, build);
  const keyId = await findParkedKey(pools.readPool, build, position);
  return keyId === undefined ? undefined : retryBuild(pools, projection, build, keyId);
}

async function retryBuild(
  pools: Pools,
  projection: Projection,
  build: Build,
  keyId?: string,
): Promise<RetryOutcome | undefined> {
  const outcome = { projection: projection.name, folded: 0, parked: 0 };
  for (let after = 0; ; ) {
    const { folded, parked, last } = await retryPage(pools, projection, build, { after, keyId });
    if (last === undefined) return after === 0 ? undefined : outcome;
    outcome.folded += folded;
    outcome.parked += parked;
    after = last;
  }
}

async function anewWhereSwapped<T>(work: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CheckpointMoved)) throw error;
    }
}

/**
 * Gives up one parked event: its read model goes on as if it had not happened, and the events that wait behind it are
 * folded. A rebuild of the same version passes over it too. Throws where no such event is parked.
 */
export async function discardParked(
  pools: Pools,
  projections: readonly Projection[],
  { projection: name, position }: { projection: string; position: number },
): Promise<RetryOutcome> {
  const [projection] = named(projections, name);
  const find = () => projection && findBuild(pools.readPool, projection, 'live');
  const keyId = await anewWhereSwapped(async () => {
    const build = await find();
    return build && discardEvent(pools, build, position);
  });
  if (!projection || keyId === undefined)
    throw new Error(
      `${name} has no parked event at position ${position}. See which it has: hookfold parked list.`,
    );
  const outcome = await anewWhereSwapped(async () => {
    const build = await find();
    return build && retryBuild(pools, projection, build, keyId);
  });
  return outcome ?? { projection: name, folded: 0, parked: 0 };
}
