// Fills the tables of a rebuild up to the head, and makes their indexes.
import type pg from 'pg';
import { readHead } from '../../log/read-log.js';
import { readCheckpoints } from '../../read-models/checkpoint.js';
import type { Failures } from './failures.js';
import { CATCH_UP_LIMIT } from './finish.js';
import { indexBuild } from './index-build.js';
import { createRateMeter } from './rate-meter.js';
import type { Rebuilding, RebuildOptions } from './rebuild.js';

/** Loads builds until they are near the head, and indexes them; without those that fail. */
export async function loadAndIndex(
  builds: readonly Rebuilding[],
  failures: Failures,
  options: RebuildOptions,
): Promise<void> {
  options.onPhase?.('load');
  await loadToHead(builds, failures, options);
  options.onPhase?.('index');
  const { readPool } = options.unhurried ?? options;
  const emptied: Rebuilding[] = [];
  for (const rebuilding of failures.without(builds)) {
    const { projection, build } = rebuilding;
    const index = () => indexBuild(readPool, projection, build, options.signal);
    if ((await failures.attempt(projection.name, index)) !== false) continue;
    options.logger.warn(
      { projection: projection.name },
      'an index refuses a row: loading again, to park its event',
    );
    emptied.push(rebuilding);
  }
  if (emptied.length > 0) await loadAndIndex(emptied, failures, options);
}

async function loadToHead(
  builds: readonly Rebuilding[],
  failures: Failures,
  options: RebuildOptions,
): Promise<void> {
  for (;;) {
    options.signal?.throwIfAborted();
    const loading = failures.without(builds);
    if (loading.length === 0) return;
    const head = await readHead(options.logPool);
    const reached = await lowestPosition(loading, options.readPool);
    if (head - reached <= (options.catchUpLimit ?? CATCH_UP_LIMIT) / 20) return;
    await loadUpTo(loading, head, options).catch(failures.keep);
  }
}

/** Loads builds up to `head`, and yields on the way to whoever is told of the progress. */
export async function loadUpTo(
  builds: readonly Rebuilding[],
  head: number,
  { load, signal, onProgress }: RebuildOptions,
): Promise<void> {
  const rateAt = createRateMeter();
  await load(builds, head, (position) => {
    signal?.throwIfAborted();
    return onProgress?.({ position, head, rate: rateAt(position) });
  });
}

async function lowestPosition(builds: readonly Rebuilding[], readPool: pg.Pool): Promise<number> {
  const positions: number[] = [];
  for (const { build } of builds)
    for (const { position } of await readCheckpoints(readPool, build.build_id)) positions.push(position);
  return Math.min(...positions);
}
