// Loads builds in this process.
import type pg from 'pg';
import { readCheckpoints } from '../../read-models/checkpoint.js';
import { createFollower, type Follower } from '../follower.js';
import type { RunReader } from '../run-reader.js';
import { loadTo } from './load.js';
import type { Loader, Rebuilding } from './rebuild.js';

export interface LocalLoaderOptions {
  readRun: RunReader;
  readPool: pg.Pool;
  /** Bounds memory: changed rows are written at this many estimated bytes, and as many unchanged ones are kept. */
  memoryBytes: number;
  pageEvents: number;
  /** See `LoadOptions`. */
  writeEveryMs?: number | undefined;
  /** See `LoadOptions`. */
  mostParkedKeys?: number | undefined;
  /** Of a build's segments, those that are loaded here; default: all. */
  owns?(rebuilding: Rebuilding, segment: number): boolean;
  signal?: AbortSignal;
}

/** A loader that folds in this thread, from the checkpoints as they are when it is called. */
export function createLocalLoader(options: LocalLoaderOptions): Loader {
  const { readPool, memoryBytes, owns = () => true } = options;
  return async (builds, to, onProgress) => {
    const followers: Follower[] = [];
    const young = { bytes: 0 };
    for (const rebuilding of builds) {
      const { projection, build } = rebuilding;
      const mine = (await readCheckpoints(readPool, build.build_id)).filter(({ segment }) =>
        owns(rebuilding, segment),
      );
      const empty = mine.every(({ position }) => position === 0);
      const follower = await createFollower(readPool, projection, build, {
        generationBytes: memoryBytes / 2,
        young,
        empty,
      });
      follower.checkpoints = mine;
      if (follower.checkpoints.length > 0) followers.push(follower);
    }
    await loadTo(to, followers, { ...options, dirtyBytes: memoryBytes, onProgress });
  };
}
