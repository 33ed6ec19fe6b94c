// The build that a rebuild fills: a new one, or what an earlier rebuild left behind, if the same code folded it from this
// log. What other code of the same version folded, or another log gave, is dropped: rows of both in one table would be
// nobody's. So is what stands still behind an event that was discarded since, which a retry would fold for a live build only.
//
// Two processes of different code that both want the version: the one that holds its lease begins anew, and works until
// it has swapped or ends. The other finds the lease held, and then the version served. It begins anew itself only
// where the first has ended without a swap.
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { inTransaction } from '../../postgres/transaction.js';
import { type Build, createBuild, findBuild, findServed } from '../../read-models/build.js';
import { type Checkpoint, readCheckpoints } from '../../read-models/checkpoint.js';
import { ensureLiveBuild } from '../../read-models/live-build.js';
import { findMismatches } from '../../read-models/same-log.js';
import { findDiscardedKeys } from './discarded-keys.js';
import { dropBuilding } from './drop-build.js';
import { givingWay } from './give-way.js';

/** What an earlier rebuild left behind, and what becomes of it. */
export interface Leftover {
  projection: string;
  version: number;
  /** Position up to which it is folded. */
  position: number;
  /** Why it is dropped and begun anew; else it is gone on with. */
  anew?: AnewReason;
  /** Of one that is gone on with: how many it has, where that is fewer than wanted. No more workers than these share it. */
  segments?: number;
}

type AnewReason = 'another log' | 'other code' | 'discarded';

/** What is wrong with what was built, for people. */
export const ANEW_REASONS: Record<AnewReason, string> = {
  'another log': 'is of another log',
  'other code': 'is of other code',
  discarded: 'has parked an event that was discarded since',
};

export interface PrepareOptions {
  logPool: pg.Pool;
  readPool: pg.Pool;
  /** A build keyed within an integration gets so many segments at least. */
  workers: number;
  /** What code folds it; see `runningCode`. */
  code: string;
  onLeftover?(leftover: Leftover): void;
}

/** The build to fill. Call it as the holder of the rebuild's lease. */
export async function prepareBuild(
  projection: Projection,
  { logPool, readPool, workers, code, onLeftover }: PrepareOptions,
): Promise<Build> {
  const before =
    (await ensureLiveBuild(readPool, projection)) ?? (await findServed(readPool, projection.name));
  const wanted = projection.within === 'integration' ? Math.max(workers, before?.segments ?? 1) : 1;
  const left = await findBuild(readPool, projection, 'building');
  const reached = left ? await readCheckpoints(readPool, left.build_id) : [];
  const anew = left && (await findAnewReason(left, reached, { logPool, readPool, code }));
  if (left)
    onLeftover?.({
      ...projectionOf(left),
      position: lowest(reached),
      ...(anew ? { anew } : left.segments < wanted && { segments: left.segments }),
    });
  if (left && !anew) return left;
  return givingWay(() =>
    inTransaction(readPool, async (client) => {
      if (left) await dropBuilding(client, left);
      return createBuild(client, projection, { segments: wanted, code });
    }),
  );
}

async function findAnewReason(
  left: Build,
  reached: readonly Checkpoint[],
  { logPool, readPool, code }: Pick<PrepareOptions, 'logPool' | 'readPool' | 'code'>,
): Promise<AnewReason | undefined> {
  if ((await findMismatches(logPool, reached)).length > 0) return 'another log';
  if (left.code !== code) return 'other code';
  const discarded = await findDiscardedKeys(readPool, logPool, left, left.version);
  return discarded.length > 0 ? 'discarded' : undefined;
}

const projectionOf = ({ projection, version }: Build) => ({ projection, version });

const lowest = (checkpoints: readonly Checkpoint[]) =>
  Math.min(...checkpoints.map(({ position }) => position));
