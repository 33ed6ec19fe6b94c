// A build that a process folds, or some segments of it: its checkpoints, and the rows and parked keys it holds.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { withoutDiscarded } from '../read-models/as-served.js';
import { type Build, tableOf } from '../read-models/build.js';
import { assertWhole, type Checkpoint, readCheckpoints } from '../read-models/checkpoint.js';
import { createRowTable } from '../read-models/rows.js';
import { createRowStore, type RowStore, type YoungRows } from './row-store.js';
import { assertFewParked, MOST_PARKED_KEYS } from './too-many-parked.js';

/** What rows of a build are folded with. */
export interface Folding {
  /** As what was discarded of its version leaves it. */
  readonly projection: Projection;
  readonly build: Build;
  readonly store: RowStore;
  readonly parkedKeys: Map<string, number>;
}

export interface Follower extends Folding {
  /** The segments that are folded here. */
  checkpoints: Checkpoint[];
}

export interface FollowerOptions {
  generationBytes: number;
  /** Of followers that have `generationBytes` together. */
  young?: YoungRows;
  /** The build's table has no rows yet. */
  empty?: boolean;
}

/**
 * A follower of all segments of a build, as they are in the database now. Throws as `assertWhole` does, and TooManyParked
 * where more keys have parked events than are held.
 */
export async function createFollower(
  db: pg.Pool | pg.ClientBase,
  projection: Projection,
  build: Build,
  options: FollowerOptions,
): Promise<Follower> {
  const follower: Follower = { ...(await createFolding(db, projection, build, options)), checkpoints: [] };
  await readState(db, follower);
  return follower;
}

/** The same without its checkpoints, and as if nothing were parked. */
export async function createFolding(
  db: pg.Pool | pg.ClientBase,
  projection: Projection,
  build: Build,
  options: FollowerOptions,
): Promise<Folding> {
  const table = createRowTable(projection, tableOf(build));
  const store = createRowStore({ projection, table, ...options });
  return { projection: await withoutDiscarded(db, projection), build, store, parkedKeys: new Map() };
}

/**
 * Drops what the follower holds in memory and reads its checkpoints and parked keys anew. Throws CheckpointMoved, with
 * nothing held, where the build was split into other segments meanwhile: read the build anew.
 */
export async function refreshFollower(db: pg.Pool | pg.ClientBase, follower: Follower): Promise<void> {
  follower.store.forget();
  follower.parkedKeys.clear();
  follower.checkpoints = [];
  await readState(db, follower);
}

async function readState(db: pg.Pool | pg.ClientBase, follower: Follower): Promise<void> {
  const { build, parkedKeys } = follower;
  // Checkpoints first: whatever is parked after this read moves one of them, and their compare-and-set then fails.
  const checkpoints = await readCheckpoints(db, build.build_id);
  await assertWhole(db, build, checkpoints);
  const { rows } = await db.query(
    'SELECT key_id, min(position) AS position FROM projector.parked WHERE build_id = $1 GROUP BY key_id LIMIT $2',
    [build.build_id, MOST_PARKED_KEYS + 1],
  );
  for (const { key_id, position } of rows) parkedKeys.set(key_id, Number(position));
  assertFewParked(follower);
  follower.checkpoints = checkpoints;
}
