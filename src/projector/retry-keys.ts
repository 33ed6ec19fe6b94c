// Folds the parked events of some keys again, in one transaction that holds the build's checkpoints: a projector that
// is folding meanwhile waits, finds its checkpoints moved, and reads rows and parked keys anew.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { EventMissing } from '../log/missing-event.js';
import { readPositions } from '../log/read-history.js';
import { readAt } from '../log/read-log.js';
import { isRefusedData } from '../postgres/failure.js';
import { inTransaction } from '../postgres/transaction.js';
import type { Build } from '../read-models/build.js';
import {
  assertWhole,
  type Checkpoint,
  CheckpointMoved,
  seizeCheckpoints,
} from '../read-models/checkpoint.js';
import { assertSameLog } from '../read-models/same-log.js';
import { noteDiscarded } from './discarded.js';
import { type FoldedPage, foldPage, type Parked } from './fold-page.js';
import { createFollower, type Follower } from './follower.js';
import { createPage, type Page, slicePage } from './page.js';
import type { Pools } from './pools.js';
import { storableReason, writeIncidents } from './write-incidents.js';

export interface Retried {
  folded: number;
  parked: number;
}

const GENERATION_BYTES = 16 * 1024 * 1024;

/** A retry that is suspended, or cut off, is ended by Postgres: it holds a read model up no longer than this, in milliseconds. */
const LONGEST_SILENCE_MS = 10_000;

/** Retries all parked events of keys. Throws CheckpointMoved where the build is live no more, or was split anew. */
export function retryKeys(
  { logPool, readPool }: Pools,
  projection: Projection,
  build: Build,
  keyIds: readonly string[],
): Promise<Retried> {
  return inTransaction(readPool, (client) => retryHeld(client, logPool, projection, build, keyIds));
}

/** Gives one parked event up and retries those of its key; undefined where it is not parked. Throws as `retryKeys` does. */
export function discardAndRetry(
  { logPool, readPool }: Pools,
  projection: Projection,
  build: Build,
  position: number,
): Promise<Retried | undefined> {
  return inTransaction(readPool, async (client) => {
    await seizeLive(client, build);
    const parked = [build.build_id, position];
    const { rows } = await client.query(
      'SELECT key_id FROM projector.parked WHERE build_id = $1 AND position = $2',
      parked,
    );
    if (rows.length === 0) return undefined;
    const event = await readAt(logPool, position);
    if (!event) throw new EventMissing(position);
    await noteDiscarded(client, build.build_id, event);
    await client.query('DELETE FROM projector.parked WHERE build_id = $1 AND position = $2', parked);
    return retryHeld(client, logPool, projection, build, [rows[0].key_id]);
  });
}

// Who has waited for the checkpoints may have waited for a swap: then the build is served no more.
async function seizeLive(client: pg.ClientBase, build: Build): Promise<Checkpoint[]> {
  await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${LONGEST_SILENCE_MS}`);
  const checkpoints = await seizeCheckpoints(client, build.build_id);
  const { rows } = await client.query<Pick<Build, 'state'>>(
    'SELECT state FROM projector.build WHERE build_id = $1',
    [build.build_id],
  );
  if (rows[0]?.state !== 'live') throw new CheckpointMoved();
  await assertWhole(client, build, checkpoints);
  return checkpoints;
}

async function retryHeld(
  client: pg.ClientBase,
  logPool: pg.Pool,
  projection: Projection,
  build: Build,
  keyIds: readonly string[],
): Promise<Retried> {
  const checkpoints = await seizeLive(client, build);
  await assertSameLog(logPool, build.projection, checkpoints);
  const { rows } = await client.query(
    'SELECT position FROM projector.parked WHERE build_id = $1 AND key_id = ANY($2) ORDER BY position',
    [build.build_id, keyIds],
  );
  const positions = rows.map(({ position }) => Number(position));
  const follower = await createFollower(client, projection, build, { generationBytes: GENERATION_BYTES });
  for (const keyId of keyIds) follower.parkedKeys.delete(keyId);
  let parked = 0;
  for await (const events of readPositions(logPool, positions)) {
    const tried = events.map(({ position }) => position);
    parked += await settle(client, build, tried, await foldCarefully(client, follower, createPage(events)));
  }
  return { folded: positions.length - parked, parked };
}

/** Folds and writes a page; a row that Postgres refuses parks its event alone. */
async function foldCarefully(client: pg.ClientBase, follower: Follower, page: Page): Promise<FoldedPage> {
  const parkedBefore = new Map(follower.parkedKeys);
  await client.query('SAVEPOINT page');
  try {
    return await foldAndWrite(client, follower, page);
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT page');
    follower.store.forget();
    restore(follower.parkedKeys, parkedBefore);
    if (page.events.length > 1) return foldHalves(client, follower, page);
    return foldAndWrite(client, follower, page, { position: page.last, reason: (error as Error).message });
  }
}

function restore(keys: Map<string, number>, before: ReadonlyMap<string, number>): void {
  keys.clear();
  for (const [id, position] of before) keys.set(id, position);
}

async function foldHalves(client: pg.ClientBase, follower: Follower, page: Page): Promise<FoldedPage> {
  const middle = page.events.length >> 1;
  const first = await foldCarefully(client, follower, slicePage(page, 0, middle));
  const second = await foldCarefully(client, follower, slicePage(page, middle, page.events.length));
  return {
    unreadable: first.unreadable.concat(second.unreadable),
    parked: first.parked.concat(second.parked),
  };
}

async function foldAndWrite(
  client: pg.ClientBase,
  { projection, store, build, parkedKeys }: Follower,
  page: Page,
  refused?: { position: number; reason: string },
): Promise<FoldedPage> {
  const target = { projection, store, segments: build.segments, owned: undefined, parkedKeys };
  const folded = await foldPage(client, target, page, refused);
  await store.flush(client);
  return folded;
}

/** Takes what was folded off the parked events, and gives the rest its reasons of now. Answers the rest's number. */
async function settle(
  client: pg.ClientBase,
  build: Build,
  tried: readonly number[],
  { unreadable, parked }: FoldedPage,
): Promise<number> {
  const still = new Set(parked.map(({ position }) => position));
  await client.query('DELETE FROM projector.parked WHERE build_id = $1 AND position = ANY($2)', [
    build.build_id,
    tried.filter((position) => !still.has(position)),
  ]);
  await writeIncidents(client, build.build_id, { unreadable, parked: [] });
  if (parked.length > 0) await updateReasons(client, build, parked);
  return parked.length;
}

async function updateReasons(client: pg.ClientBase, build: Build, parked: readonly Parked[]): Promise<void> {
  await client.query(
    `UPDATE projector.parked p SET reason = n.reason, key_id = n.key_id
     FROM unnest($2::bigint[], $3::text[], $4::text[]) AS n(position, reason, key_id)
     WHERE p.build_id = $1 AND p.position = n.position`,
    [
      build.build_id,
      parked.map(({ position }) => position),
      parked.map(({ reason }) => storableReason(reason)),
      parked.map(({ key_id }) => key_id),
    ],
  );
}
