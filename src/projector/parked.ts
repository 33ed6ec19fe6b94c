// Parked events, for people: what is parked and why; try again after a fix; give one up.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { type Build, findBuild } from '../read-models/build.js';
import { CheckpointMoved } from '../read-models/checkpoint.js';
import type { Pools } from './pools.js';
import { discardAndRetry, retryKeys } from './retry-keys.js';

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

/**
 * The parked events of the live builds of these projections' versions, which are those that `retryParked` and
 * `discardParked` reach, by projection and position.
 */
export async function listParked(
  readPool: pg.Pool,
  projections: readonly Projection[],
  filter: ParkedFilter = {},
): Promise<ParkedEvent[]> {
  // A build stays live after a higher version was swapped in, for processes of the old code; only those fold it.
  const { rows } = await readPool.query(
    `SELECT b.projection, b.version, p.position, p.event, p.reason, p.parked_at
     FROM projector.parked p JOIN projector.build b USING (build_id)
     JOIN unnest($3::text[], $4::integer[]) AS code (projection, version) USING (projection, version)
     WHERE b.state = 'live' AND ($1::text IS NULL OR b.projection = $1) AND ($2::bigint IS NULL OR p.position = $2)
     ORDER BY b.projection, b.version, p.position`,
    [
      filter.projection ?? null,
      filter.position ?? null,
      projections.map(({ name }) => name),
      projections.map(({ version }) => version),
    ],
  );
  return rows;
}

const KEYS_A_TRANSACTION = 500;

/**
 * Folds parked events again, key by key and in order, with the code as it is now; `filter.position` names its whole
 * key. What fails again stays parked. Projectors go on meanwhile; killed half-way, each key is done or untouched.
 */
export async function retryParked(
  pools: Pools,
  projections: readonly Projection[],
  filter: ParkedFilter = {},
): Promise<RetryOutcome[]> {
  const outcomes: RetryOutcome[] = [];
  for (const projection of projections) {
    const outcome = await anewWhereSwapped(() => retryProjection(pools, projection, filter));
    if (outcome) outcomes.push(outcome);
  }
  return outcomes;
}

/** What was settled before a swap counts for the build of before: of the one that is live then all is tried. */
async function retryProjection(
  pools: Pools,
  projection: Projection,
  filter: ParkedFilter,
): Promise<RetryOutcome | undefined> {
  const [found] = await liveBuilds(pools, [projection], filter);
  if (!found) return undefined;
  const [, build] = found;
  const keyIds = await parkedKeys(pools.readPool, build, filter.position);
  const outcome = { projection: projection.name, folded: 0, parked: 0 };
  for (let at = 0; at < keyIds.length; at += KEYS_A_TRANSACTION) {
    const part = await retryKeys(pools, projection, build, keyIds.slice(at, at + KEYS_A_TRANSACTION));
    outcome.folded += part.folded;
    outcome.parked += part.parked;
  }
  return keyIds.length > 0 ? outcome : undefined;
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
  filter: { projection: string; position: number },
): Promise<RetryOutcome> {
  const part = await anewWhereSwapped(async () => {
    const [found] = await liveBuilds(pools, projections, filter);
    return found && discardAndRetry(pools, ...found, filter.position);
  });
  if (part) return { projection: filter.projection, ...part };
  throw new Error(
    `${filter.projection} has no parked event at position ${filter.position}. See which it has: hookfold parked list.`,
  );
}

async function liveBuilds(
  { readPool }: Pools,
  projections: readonly Projection[],
  { projection: name }: ParkedFilter,
): Promise<[Projection, Build][]> {
  const builds: [Projection, Build][] = [];
  for (const projection of projections) {
    if (name !== undefined && projection.name !== name) continue;
    const build = await findBuild(readPool, projection, 'live');
    if (build) builds.push([projection, build]);
  }
  return builds;
}

async function parkedKeys(readPool: pg.Pool, build: Build, position?: number): Promise<string[]> {
  const { rows } = await readPool.query(
    `SELECT key_id FROM projector.parked WHERE build_id = $1 AND ($2::bigint IS NULL OR key_id IN
       (SELECT key_id FROM projector.parked WHERE build_id = $1 AND position = $2))
     GROUP BY key_id ORDER BY min(position)`,
    [build.build_id, position ?? null],
  );
  return rows.map(({ key_id }) => key_id);
}
