// A build that a process folds, or some segments of it: its checkpoints, and the rows and parked keys it holds.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { type Build, tableOf } from '../read-models/build.js';
import { type Checkpoint, readCheckpoints } from '../read-models/checkpoint.js';
import { createRowTable } from '../read-models/rows.js';
import { createRowStore, type RowStore } from './row-store.js';

export interface Follower {
  readonly projection: Projection;
  readonly build: Build;
  readonly store: RowStore;
  readonly parkedKeys: Map<string, number>;
  /** The segments that are folded here. */
  checkpoints: Checkpoint[];
}

export interface FollowerOptions {
  generationBytes: number;
  /** The build's table has no rows yet. */
  empty?: boolean;
}

/** A follower of all segments of a build, as they are in the database now. */
export async function createFollower(
  db: pg.Pool | pg.ClientBase,
  projection: Projection,
  build: Build,
  { generationBytes, empty = false }: FollowerOptions,
): Promise<Follower> {
  const table = createRowTable(projection, tableOf(build));
  const store = createRowStore({ projection, table, generationBytes, empty });
  const follower: Follower = { projection, build, store, parkedKeys: new Map(), checkpoints: [] };
  await refreshFollower(db, follower);
  return follower;
}

/** Drops what the follower holds in memory and reads its checkpoints and parked keys anew. */
export async function refreshFollower(db: pg.Pool | pg.ClientBase, follower: Follower): Promise<void> {
  follower.store.forget();
  follower.parkedKeys.clear();
  follower.checkpoints = await readCheckpoints(db, follower.build.build_id);
  const { rows } = await db.query(
    'SELECT key_id, min(position) AS position FROM projector.parked WHERE build_id = $1 GROUP BY key_id',
    [follower.build.build_id],
  );
  for (const { key_id, position } of rows) follower.parkedKeys.set(key_id, position);
}
