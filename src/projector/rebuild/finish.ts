// The end of a rebuild: at one position, under the live build's checkpoints, compare and swap, in one transaction.
//
//   live projector   … page, page, │ waits for the checkpoints        │ its compare-and-set fails; it follows the new build
//   this transaction               │ seize · try · catch up · compare · swap │
//   readers          old rows … old rows … old rows …                  │ new rows
//
// Killed before the commit: nothing happened, the new build stands where it stood. Two at once: the second waits for
// the checkpoints, finds its build no longer 'building', and stops.
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import type { FoldedEvent } from '../../../schemas/logged-event.js';
import { readHead } from '../../log/read-log.js';
import { inAbortableTransaction } from '../../postgres/abortable-transaction.js';
import { isRefusedData } from '../../postgres/failure.js';
import { endWithClient } from '../../postgres/transaction.js';
import { type Build, findBuild, lockServed, setState, showBuild } from '../../read-models/build.js';
import {
  assertWhole,
  type Checkpoint,
  CheckpointsMissing,
  claimCheckpoints,
  seizeCheckpoints,
} from '../../read-models/checkpoint.js';
import { assertSameLog, findMismatches } from '../../read-models/same-log.js';
import { foldPage } from '../fold-page.js';
import { createFollower, type Follower } from '../follower.js';
import { createPage } from '../page.js';
import { createPageReader, type PageReader, readKnown } from '../read-page.js';
import { createRunReader } from '../run-reader.js';
import { writeIncidents } from '../write-incidents.js';
import { assertNotPinned, assertParksNoMore } from './by-itself.js';
import { type Comparison, compareBuilds, haveOneKey, isSame } from './compare.js';
import { countParked, type ParkedCounts } from './count-parked.js';
import { assertBuilding } from './drop-build.js';
import { RowsRefused } from './rows-refused.js';

export interface FinishOptions {
  logPool: pg.Pool;
  readPool: pg.Pool;
  sampleSize: number;
  /** Compare and report only. */
  dryRun: boolean;
  /** Swap even where a rebuild of the same version differs from the live rows. */
  acceptDrift: boolean;
  /** Nobody has asked for it: throws where the swap is for people to decide on; see by-itself.ts. */
  byItself?: boolean;
  /** Events that may be folded while the live build is held; beyond, answers 'behind'. */
  catchUpLimit: number;
  /** Once it is aborted nothing is finished, and its reason thrown. */
  signal?: AbortSignal;
}

export interface Outcome {
  kind: 'swapped' | 'kept';
  position: number;
  comparison: Comparison | undefined;
  /** The live build has another key, so that its rows cannot be compared. */
  rekeyed: boolean;
  /** The live build was folded from another log, so that its rows are not compared. */
  otherLog: boolean;
  /** Another version is served, and stands before `position`, so that its rows cannot be compared: only its code folds it. */
  lagging: { version: number; position: number } | undefined;
  drift: boolean;
  parked: ParkedCounts;
}

/** Nothing was done: a build is too far behind the position at which both would have to stand. */
export interface Behind {
  kind: 'behind';
  build: Build;
  position: number;
}

/** Of `FinishOptions`, where none is given. */
export const CATCH_UP_LIMIT = 20_000;

const PAGE_EVENTS = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;
const GENERATION_BYTES = 32 * 1024 * 1024;

/**
 * Finishes the rebuild of a projection whose building build is loaded nearly up to the live one. Throws RowsRefused where
 * what is missing has to be folded in pages of its own before, which park the event.
 */
export async function finishRebuild(
  projection: Projection,
  building: Build,
  options: FinishOptions,
): Promise<Outcome | Behind> {
  return inAbortableTransaction(options.readPool, options.signal, async (client) => {
    await client.query("SET LOCAL lock_timeout = '1s'");
    await endWithClient(client);
    const served = await lockServed(client, projection.name);
    if (options.byItself) assertNotPinned(building, served);
    const live = (await findBuild(client, projection, 'live')) ?? served;
    const held = live ? await seizeCheckpoints(client, live.build_id) : [];
    const after = await seizeCheckpoints(client, building.build_id);
    await assertBuilding(client, building);
    if (!options.dryRun) await tryToShow(client, building, served);
    await assertSameLog(options.logPool, projection.name, after);
    // Of a live build of another log neither position nor rows mean anything here: the log's head is the goal then.
    const otherLog = (await findMismatches(options.logPool, held)).length > 0;
    const before = otherLog || (live && (await isLost(client, live, held))) ? [] : held;
    const goal = otherLog ? await readHead(options.logPool) : 0;
    const target = Math.max(goal, ...before.concat(after).map(({ position }) => position));
    const sameVersion = live?.version === projection.version;
    const behind = (checkpoints: readonly Checkpoint[]) =>
      checkpoints.reduce((sum, { position }) => sum + target - position, 0);
    const [liveBehind, newBehind] = [sameVersion && !isUntouched(before) ? behind(before) : 0, behind(after)];
    if (liveBehind + newBehind > options.catchUpLimit)
      return { kind: 'behind', build: live && liveBehind > newBehind ? live : building, position: target };
    await catchUp(client, projection, building, target, options);
    const swapping = {
      building,
      live,
      served,
      position: target,
      rekeyed: false,
      otherLog,
      lagging: undefined,
    };
    if (!live || isUntouched(before)) return swap(client, projection, swapping, undefined, options);
    // Of events that only the new build has folded nobody knows what becomes of them in the other.
    if (options.byItself) await assertParksNoMore(client, options.logPool, live, building, lowest(before));
    const rekeyed = !(await haveOneKey(client, projection, live, building));
    if (rekeyed && sameVersion) throw new Error(keyChanged(projection));
    if (sameVersion) await catchUp(client, projection, live, target, options);
    const lagging =
      sameVersion || lowest(before) === target
        ? undefined
        : { version: live.version, position: lowest(before) };
    const comparison =
      rekeyed || lagging
        ? undefined
        : await compareBuilds(client, projection, live, building, options.sampleSize);
    return swap(client, projection, { ...swapping, rekeyed, lagging }, comparison, options);
  });
}

/** Whether nobody knows where a live build stands, since some of its checkpoints were deleted. */
async function isLost(client: pg.ClientBase, live: Build, held: readonly Checkpoint[]): Promise<boolean> {
  try {
    await assertWhole(client, live, held);
    return false;
  } catch (error) {
    if (error instanceof CheckpointsMissing) return true;
    throw error;
  }
}

const keyChanged = ({ name, version, keyColumns }: Projection) =>
  `the table that is served of ${name} version ${version} has another key than the code's (${keyColumns.join(', ')}). ` +
  'Raise the version of the projection, and rebuild again.';
const lowest = (checkpoints: readonly Checkpoint[]) =>
  Math.min(...checkpoints.map(({ position }) => position));
/** A live build into which nothing was ever folded has nothing to be compared with. */
const isUntouched = (checkpoints: readonly Checkpoint[]) =>
  checkpoints.every(({ position }) => position === 0);

/** Folds every segment of a build up to `target` inside the transaction that holds its checkpoints, and moves them. */
async function catchUp(
  client: pg.ClientBase,
  projection: Projection,
  build: Build,
  target: number,
  { logPool }: FinishOptions,
): Promise<void> {
  const follower = await createFollower(client, projection, build, { generationBytes: GENERATION_BYTES });
  const readRun = createRunReader(logPool);
  const readPage = createPageReader({ readRun, pageEvents: PAGE_EVENTS, pageBytes: PAGE_BYTES });
  const behind = follower.checkpoints.filter(({ position }) => position < target);
  let last: FoldedEvent | undefined;
  for (const checkpoint of behind)
    last = await catchUpSegment(client, readPage, follower, checkpoint, target).catch((error) => {
      throw isRefusedData(error) ? new RowsRefused([build], target, error) : error;
    });
  if (last) await claimCheckpoints(client, behind, last);
}

/** Answers the event at `target`, which is ahead of the checkpoint. */
async function catchUpSegment(
  client: pg.ClientBase,
  readPage: PageReader,
  follower: Follower,
  { segment, position }: Checkpoint,
  target: number,
): Promise<FoldedEvent> {
  const { projection, store, build, parkedKeys } = follower;
  const owned = new Set([segment]);
  for (let reached = position; ; ) {
    const page = createPage(await readKnown(readPage, reached, target - reached));
    const folded = await foldPage(
      client,
      { projection, store, segments: build.segments, owned, parkedKeys },
      page,
    );
    await writeIncidents(client, build.build_id, folded);
    await store.flush(client);
    reached = page.last;
    if (reached >= target) return page.events.at(-1)!;
  }
}

interface Swapping extends Pick<Outcome, 'position' | 'rekeyed' | 'otherLog' | 'lagging'> {
  building: Build;
  live: Build | undefined;
  served: Build | undefined;
}

async function swap(
  client: pg.ClientBase,
  projection: Projection,
  { building, live, served, ...found }: Swapping,
  comparison: Comparison | undefined,
  { dryRun, acceptDrift }: FinishOptions,
): Promise<Outcome> {
  const sameVersion = live?.version === projection.version;
  const drift = sameVersion && comparison !== undefined && !isSame(comparison);
  const parked = await countParked(client, live, building, found.position);
  if (dryRun || (drift && !acceptDrift)) return { kind: 'kept', ...found, comparison, drift, parked };
  if (live && sameVersion) await setState(client, live, 'retired');
  await setState(client, building, 'live');
  await showBuild(client, building, isNewest(building, served));
  return { kind: 'swapped', ...found, comparison, drift, parked };
}

const isNewest = (building: Build, served: Build | undefined) =>
  !served || served.version <= building.version;

// What stands in the way of the views (a long read, a view of somebody's on top of them) is met before the comparison,
// for which the live build is held: else each attempt would hold it up for nothing.
async function tryToShow(client: pg.ClientBase, building: Build, served: Build | undefined): Promise<void> {
  await client.query('SAVEPOINT try_to_show');
  await showBuild(client, building, isNewest(building, served));
  await client.query('ROLLBACK TO SAVEPOINT try_to_show');
}
