// Splits a live build into another number of segments, while it is followed.
//
//   owners   … page, │ wait for the checkpoints │ find them moved; take up the new segments at their next beat
//   here             │ seize · fold the laggards up to the foremost · replace the checkpoints │
//
// All segments have to stand at one position: only then does a new set of checkpoints mean the same events. Far
// laggards are brought near in pages of their own before, so that the owners wait for a page or two at the most.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { isRefusedData } from '../postgres/failure.js';
import { inTransaction } from '../postgres/transaction.js';
import { type Build, findBuild } from '../read-models/build.js';
import {
  assertWhole,
  type Checkpoint,
  CheckpointMoved,
  seizeCheckpoints,
} from '../read-models/checkpoint.js';
import { assertSameLog } from '../read-models/same-log.js';
import { applyPage } from './apply-page.js';
import { foldPage } from './fold-page.js';
import { createFollower } from './follower.js';
import { createPage } from './page.js';
import type { Pools } from './pools.js';
import { createPageReader, type PageReader, readKnown } from './read-page.js';
import { createRunReader } from './run-reader.js';
import { writeIncidents } from './write-incidents.js';

const PAGE_EVENTS = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;
const GENERATION_BYTES = 16 * 1024 * 1024;
/** Events that laggards may be behind, all together, when the owners are made to wait. */
const NEAR_EVENTS = 2000;

/**
 * Splits a live build of a projection within an integration into `segments`, and answers it as it is then. Does
 * nothing where it has so many, or is no longer live. Throws AnotherLog where it was folded from another log. Safe beside projectors, rebuilds and others that do the same.
 */
export async function resegment(
  pools: Pools,
  projection: Projection,
  build: Build,
  segments: number,
): Promise<Build> {
  const { logPool, readPool } = pools;
  const readPage = createPageReader({
    readRun: createRunReader(logPool),
    pageEvents: PAGE_EVENTS,
    pageBytes: PAGE_BYTES,
  });
  for (;;) {
    const live = await findBuild(readPool, projection, 'live');
    if (live?.build_id !== build.build_id || live.segments === segments) return live ?? build;
    try {
      const done = await replaceSegments(pools, projection, live, segments, readPage);
      if (done) return { ...live, segments };
      await approach(readPool, projection, live, readPage, NEAR_EVENTS);
    } catch (error) {
      // A row that is refused inside the transaction is parked by the way of single pages.
      if (isRefusedData(error)) await approach(readPool, projection, live, readPage, 0);
      else if (!(error instanceof CheckpointMoved)) throw error;
    }
  }
}

async function replaceSegments(
  { logPool, readPool }: Pools,
  projection: Projection,
  build: Build,
  segments: number,
  readPage: PageReader,
): Promise<boolean> {
  return inTransaction(readPool, async (client) => {
    const checkpoints = await seizeCheckpoints(client, build.build_id);
    await assertWhole(client, build, checkpoints);
    await assertSameLog(logPool, projection.name, checkpoints);
    if (spreadOf(checkpoints) > NEAR_EVENTS) return false;
    const { position, event_id } = foremost(checkpoints);
    await foldUpTo(client, projection, build, position, readPage);
    // Above every revision there was: nobody takes a new checkpoint for an old one of the same number.
    const revision = Math.max(...checkpoints.map((checkpoint) => checkpoint.revision)) + 1;
    await client.query('DELETE FROM projector.checkpoint WHERE build_id = $1', [build.build_id]);
    await client.query(
      `INSERT INTO projector.checkpoint (build_id, segment, position, event_id, revision)
       SELECT $1, generate_series(0, $2 - 1), $3, $4, $5`,
      [build.build_id, segments, position, event_id, revision],
    );
    await client.query('UPDATE projector.build SET segments = $2 WHERE build_id = $1', [
      build.build_id,
      segments,
    ]);
    return true;
  });
}

const foremost = (checkpoints: readonly Checkpoint[]) =>
  checkpoints.reduce((first, each) => (each.position > first.position ? each : first));

function spreadOf(checkpoints: readonly Checkpoint[]): number {
  const { position } = foremost(checkpoints);
  return checkpoints.reduce((sum, checkpoint) => sum + position - checkpoint.position, 0);
}

async function foldUpTo(
  client: pg.ClientBase,
  projection: Projection,
  build: Build,
  target: number,
  readPage: PageReader,
): Promise<void> {
  const follower = await createFollower(client, projection, build, { generationBytes: GENERATION_BYTES });
  const { projection: folding, store, parkedKeys } = follower;
  for (const { segment, position } of follower.checkpoints)
    for (let reached = position; reached < target; ) {
      const page = createPage(await readKnown(readPage, reached, target - reached));
      const fold = {
        projection: folding,
        store,
        segments: build.segments,
        owned: new Set([segment]),
        parkedKeys,
      };
      await writeIncidents(client, build.build_id, await foldPage(client, fold, page));
      await store.flush(client);
      reached = page.last;
    }
}

/** Folds the segments that are behind, a page and transaction at a time, until they are near the foremost. */
async function approach(
  pool: pg.Pool,
  projection: Projection,
  build: Build,
  readPage: PageReader,
  near: number,
): Promise<void> {
  const follower = await createFollower(pool, projection, build, { generationBytes: GENERATION_BYTES });
  const { checkpoints } = follower;
  while (spreadOf(checkpoints) > near) {
    const lowest = Math.min(...checkpoints.map(({ position }) => position));
    const behind = checkpoints.filter(({ position }) => position === lowest);
    const ahead = checkpoints.filter(({ position }) => position > lowest).map(({ position }) => position);
    const events = await readKnown(readPage, lowest, Math.min(...ahead) - lowest);
    await applyPage(pool, [{ follower, checkpoints: behind }], createPage(events));
  }
}
