// The bulk of a rebuild: one pass over the log for all builds at one position. Rows stay in memory over many pages
// and are written when their bytes reach a bound, or some seconds after the last write, together with the checkpoints,
// in one transaction; so memory is bounded whatever the number of keys, and a pass that was killed goes on behind the
// last such write.
//
// Three things go on at once: the next page is read, this one is folded, the batch before is written.
import type pg from 'pg';
import type { FoldedEvent } from '../../../schemas/logged-event.js';
import { isRefusedData } from '../../postgres/failure.js';
import { inTransaction } from '../../postgres/transaction.js';
import { type Checkpoint, claimCheckpoints, noteMove, type Place } from '../../read-models/checkpoint.js';
import { applyPage } from '../apply-page.js';
import { type FoldedPage, foldPage } from '../fold-page.js';
import { type Follower, refreshFollower } from '../follower.js';
import { createPage, type Page } from '../page.js';
import { createPageReader, readKnown } from '../read-page.js';
import type { RunReader } from '../run-reader.js';
import { assertFewParked } from '../too-many-parked.js';
import { writeIncidents } from '../write-incidents.js';
import { RowsRefused } from './rows-refused.js';

export interface LoadOptions {
  readRun: RunReader;
  readPool: pg.Pool;
  /** Events of one read. */
  pageEvents: number;
  /** Estimated bytes of changed rows at which they are written; half as many more are held while they are. */
  dirtyBytes: number;
  /** Time after which they are written though they are fewer, in milliseconds. Default 30,000. */
  writeEveryMs?: number | undefined;
  /** Keys of a build with a parked event, beyond which TooManyParked is thrown. Default 100,000. */
  mostParkedKeys?: number | undefined;
  /** Called after each page with the position reached; what it awaits holds the load up. */
  onProgress?(position: number): Promise<void> | void;
  signal?: AbortSignal;
}

/** A follower in a load: what it has folded but not written. */
interface Loading {
  follower: Follower;
  checkpoints: Checkpoint[];
  incidents: FoldedPage;
}

/** Folds all followers from where they stand up to `position`, and writes them. */
export async function loadTo(
  position: number,
  followers: readonly Follower[],
  options: LoadOptions,
): Promise<void> {
  for (;;) {
    options.signal?.throwIfAborted();
    const [first, second] = distinctPositions(followers);
    if (first === undefined || first >= position) return;
    await pass(first, Math.min(second ?? position, position), followers, options);
  }
}

function distinctPositions(followers: readonly Follower[]): number[] {
  const positions = followers.flatMap(({ checkpoints }) =>
    checkpoints.map((checkpoint) => checkpoint.position),
  );
  return [...new Set(positions)].sort((a, b) => a - b);
}

async function pass(
  from: number,
  to: number,
  followers: readonly Follower[],
  options: LoadOptions,
): Promise<void> {
  const loading = followers
    .map((follower) => startLoading(follower, from))
    .filter(({ checkpoints }) => checkpoints.length > 0);
  try {
    await foldAndWrite(from, to, loading, options);
  } catch (error) {
    if (!(error instanceof RowsRefused)) throw error;
    await foldCarefully(loading, error.position, options);
  }
}

async function foldAndWrite(
  from: number,
  to: number,
  loading: Loading[],
  options: LoadOptions,
): Promise<void> {
  const readPage = createLogReader(options);
  let written = performance.now();
  let writing: Promise<void> = Promise.resolve();
  /** Of the batch that is being written. */
  let bytesWriting = 0;
  try {
    for (let reached = from; reached < to; ) {
      options.signal?.throwIfAborted();
      const events = await readPage(reached, to);
      const last = events.at(-1)!;
      reached = last.position;
      await foldTogether(events, loading, options);
      if (bytesWriting > 0 && bytesWriting + bytesOf(loading) > options.dirtyBytes * HELD_WHILE_WRITING)
        await writing;
      if (reached >= to || isDue(loading, written, options)) {
        await writing;
        bytesWriting = bytesOf(loading);
        writing = write(loading, last, options).then(() => {
          bytesWriting = 0;
        });
        writing.catch(() => {});
        written = performance.now();
      }
      await options.onProgress?.(reached);
    }
  } catch (error) {
    await writing.catch(() => {}); // Nothing is written any more by a load that has ended.
    throw error;
  }
  await writing;
}

async function foldTogether(
  events: readonly FoldedEvent[],
  loading: readonly Loading[],
  options: LoadOptions,
): Promise<void> {
  for (let first = 0; first < events.length; first += FOLDED_TOGETHER) {
    const page = createPage(events.slice(first, first + FOLDED_TOGETHER));
    await Promise.all(loading.map((each) => foldInMemory(each, page, options)));
  }
}

/** Whether what is in memory is to be written: it is much, or waits since long. */
function isDue(
  loading: readonly Loading[],
  written: number,
  { dirtyBytes, writeEveryMs = WRITE_EVERY_MS }: LoadOptions,
): boolean {
  if (performance.now() - written >= writeEveryMs || bytesOf(loading) >= dirtyBytes) return true;
  let incidents = 0;
  for (const { incidents: found } of loading) incidents += found.unreadable.length + found.parked.length;
  return incidents >= MOST_INCIDENTS;
}

function bytesOf(loading: readonly Loading[]): number {
  let bytes = 0;
  for (const { follower } of loading) bytes += follower.store.dirtyBytes();
  return bytes;
}

/** Five pages are in memory: two read ahead, one looked at, one on its way, one folded. */
const PAGE_BYTES = 2 * 1024 * 1024;
/** Of the bound: what is being written, and what is folded meanwhile. */
const HELD_WHILE_WRITING = 1.5;
const WRITE_EVERY_MS = 30_000;
/** So many are held of events that could not be read or folded. */
const MOST_INCIDENTS = 5000;
/** As many as stay in the processor's cache while one read model after the other folds them. */
const FOLDED_TOGETHER = 128;

const noIncidents = (): FoldedPage => ({ unreadable: [], parked: [] });

function startLoading(follower: Follower, position: number): Loading {
  const checkpoints = follower.checkpoints.filter((checkpoint) => checkpoint.position === position);
  return { follower, checkpoints, incidents: noIncidents() };
}

/** Reads page after page, the next one while this one is folded; bounded in bytes, whatever the bodies. */
function createLogReader({ readRun, pageEvents }: LoadOptions) {
  const read = createPageReader({ readRun, pageEvents, pageBytes: PAGE_BYTES });
  return (after: number, to: number): Promise<FoldedEvent[]> => readKnown(read, after, to - after);
}

async function foldInMemory(
  loading: Loading,
  page: Page,
  { readPool, mostParkedKeys }: LoadOptions,
): Promise<void> {
  const { follower, checkpoints, incidents } = loading;
  const { projection, store, build, parkedKeys } = follower;
  const all = checkpoints.length === build.segments;
  const owned = all ? undefined : new Set(checkpoints.map(({ segment }) => segment));
  const target = { projection, store, segments: build.segments, owned, parkedKeys };
  const folded = await foldPage(readPool, target, page);
  incidents.unreadable.push(...folded.unreadable);
  incidents.parked.push(...folded.parked);
  assertFewParked(follower, mostParkedKeys);
}

// All that is taken here stays held until the commit; what is folded meanwhile is the next batch.
async function write(loading: readonly Loading[], place: Place, { readPool }: LoadOptions): Promise<void> {
  const parts = loading.map((each) => {
    const part = { ...each, batch: each.follower.store.take() };
    each.incidents = noIncidents();
    return part;
  });
  try {
    await inTransaction(readPool, async (client) => {
      // Rows and checkpoints that a crash takes back, it takes back together; the swap's own commit is waited for.
      await client.query('SET LOCAL synchronous_commit = off');
      const moving = parts.flatMap(({ checkpoints }) => checkpoints);
      await claimCheckpoints(client, moving, place);
      for (const { follower, incidents, batch } of parts) {
        await writeIncidents(client, follower.build.build_id, incidents);
        await batch.write(client);
      }
    });
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    const builds = parts.map(({ follower }) => follower.build);
    throw new RowsRefused(builds, place.position, error);
  }
  for (const { checkpoints, batch } of parts) {
    for (const checkpoint of checkpoints) noteMove(checkpoint, place);
    batch.settle();
  }
}

// Postgres refused one of many rows: the way page by page finds the event behind it, and parks it. It begins behind the
// last write, to which all checkpoints that are loading were moved together.
async function foldCarefully(loading: Loading[], to: number, options: LoadOptions): Promise<void> {
  for (const each of loading) await refreshLoading(each, options);
  const readPage = createLogReader(options);
  const first = loading[0]!.checkpoints[0]!;
  while (first.position < to) {
    options.signal?.throwIfAborted();
    await applyPage(options.readPool, loading, createPage(await readPage(first.position, to)));
  }
}

async function refreshLoading(loading: Loading, { readPool }: LoadOptions): Promise<void> {
  const { follower } = loading;
  const held = segmentsOf(follower.checkpoints);
  const moving = segmentsOf(loading.checkpoints);
  await refreshFollower(readPool, follower);
  follower.checkpoints = follower.checkpoints.filter(({ segment }) => held.has(segment));
  loading.checkpoints = follower.checkpoints.filter(({ segment }) => moving.has(segment));
}

const segmentsOf = (checkpoints: readonly Checkpoint[]) => new Set(checkpoints.map(({ segment }) => segment));
