// Folds parked events again, a page of them in one transaction that holds the build's checkpoints: a projector that is
// folding meanwhile waits, finds its checkpoints moved, and reads rows and parked keys anew.
//
// Pages are in the log's order. So are the events of each key, over however many pages: those behind the page are still
// parked, and what is appended meanwhile waits behind them.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { createInterpreter } from '../../projections/interpret.js';
import { keyId } from '../../projections/key.js';
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
import { type FoldedPage, foldPage, type Parked, type Refusal } from './fold-page.js';
import { createFolding, type Folding } from './follower.js';
import { createPage, type Page, slicePage } from './page.js';
import type { Pools } from './pools.js';
import { storableReason, writeIncidents } from './write-incidents.js';

/** Which parked events are tried next. */
export interface RetryFrom {
  /** Those behind this position. */
  after: number;
  /** Those of this key; default: of all. */
  keyId?: string | undefined;
}

export interface RetriedPage {
  folded: number;
  parked: number;
  /** Position of the last event that was tried; undefined where there was none. */
  last: number | undefined;
}

/** So many events are tried while the checkpoints are held. */
const PAGE_EVENTS = 2000;
const GENERATION_BYTES = 16 * 1024 * 1024;

/** A retry that is suspended, or cut off, is ended by Postgres: it holds a read model up no longer than this, in milliseconds. */
const LONGEST_SILENCE_MS = 10_000;

/** Tries the next page of a build's parked events. Throws CheckpointMoved where the build is live no more, or was split anew. */
export function retryPage(
  { logPool, readPool }: Pools,
  projection: Projection,
  build: Build,
  { after, keyId }: RetryFrom,
): Promise<RetriedPage> {
  return inTransaction(readPool, async (client) => {
    await assertSameLog(logPool, build.projection, await seizeLive(client, build));
    const { rows } = await client.query<{ position: number }>(
      `SELECT position FROM projector.parked WHERE build_id = $1 AND position > $2
       AND ($3::text IS NULL OR hashtextextended(key_id, 0) = hashtextextended($3, 0) AND key_id = $3)
       ORDER BY position LIMIT $4`,
      [build.build_id, after, keyId ?? null, PAGE_EVENTS],
    );
    const positions = rows.map(({ position }) => position);
    const folding = await createFolding(client, projection, build, { generationBytes: GENERATION_BYTES });
    let parked = 0;
    for await (const events of readPositions(logPool, positions)) {
      const page = createPage(events);
      await readParkedBefore(client, folding, page);
      parked += await settle(client, build, page, await foldCarefully(client, folding, page));
    }
    return { folded: positions.length - parked, parked, last: positions.at(-1) };
  });
}

/** Gives one parked event up; answers its key, or undefined where it is not parked. Throws as `retryPage` does. */
export function discardEvent(
  { logPool, readPool }: Pools,
  build: Build,
  position: number,
): Promise<string | undefined> {
  return inTransaction(readPool, async (client) => {
    await assertSameLog(logPool, build.projection, await seizeLive(client, build));
    const key = await findParkedKey(client, build, position);
    if (key === undefined) return undefined;
    const event = await readAt(logPool, position);
    if (!event) throw new EventMissing(position);
    await noteDiscarded(client, build.build_id, event);
    await client.query('DELETE FROM projector.parked WHERE build_id = $1 AND position = $2', [
      build.build_id,
      position,
    ]);
    return key;
  });
}

/** The key id of a parked event; undefined where it is not parked. */
export async function findParkedKey(
  db: pg.Pool | pg.ClientBase,
  build: Build,
  position: number,
): Promise<string | undefined> {
  const { rows } = await db.query(
    'SELECT key_id FROM projector.parked WHERE build_id = $1 AND position = $2',
    [build.build_id, position],
  );
  return rows[0]?.key_id;
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

// Of the keys that the events have now, which may be others than those they were parked with.
async function readParkedBefore(client: pg.ClientBase, folding: Folding, page: Page): Promise<void> {
  const { projection, build, parkedKeys } = folding;
  const interpret = createInterpreter(projection);
  const ids = new Set<string>();
  for (const [index, event] of page.events.entries()) {
    const meaning = interpret(event, page.reading(index));
    if (meaning.kind === 'concerns') ids.add(keyId(meaning.key));
  }
  const { rows } = await client.query(
    `SELECT u.key_id, p.position FROM unnest($2::text[]) AS u(key_id) CROSS JOIN LATERAL (
       SELECT position FROM projector.parked WHERE build_id = $1
         AND hashtextextended(key_id, 0) = hashtextextended(u.key_id, 0) AND key_id = u.key_id
         AND position < $3 AND position <> ALL ($4::bigint[]) ORDER BY position LIMIT 1) p`,
    [build.build_id, [...ids], page.last, page.events.map(({ position }) => position)],
  );
  restore(parkedKeys, new Map(rows.map(({ key_id, position }) => [key_id, position])));
}

/** Folds and writes a page; a row that Postgres refuses parks its event alone. */
async function foldCarefully(client: pg.ClientBase, folding: Folding, page: Page): Promise<FoldedPage> {
  const parkedBefore = new Map(folding.parkedKeys);
  await client.query('SAVEPOINT page');
  try {
    return await foldAndWrite(client, folding, page);
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT page');
    folding.store.forget();
    restore(folding.parkedKeys, parkedBefore);
    if (page.events.length > 1) return foldHalves(client, folding, page);
    return foldAndWrite(client, folding, page, { position: page.last, reason: (error as Error).message });
  }
}

function restore(keys: Map<string, number>, before: ReadonlyMap<string, number>): void {
  keys.clear();
  for (const [id, position] of before) keys.set(id, position);
}

async function foldHalves(client: pg.ClientBase, folding: Folding, page: Page): Promise<FoldedPage> {
  const middle = page.events.length >> 1;
  const first = await foldCarefully(client, folding, slicePage(page, 0, middle));
  const second = await foldCarefully(client, folding, slicePage(page, middle, page.events.length));
  return {
    unreadable: first.unreadable.concat(second.unreadable),
    parked: first.parked.concat(second.parked),
  };
}

async function foldAndWrite(
  client: pg.ClientBase,
  { projection, store, build, parkedKeys }: Folding,
  page: Page,
  refused?: Refusal,
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
  { events }: Page,
  { unreadable, parked }: FoldedPage,
): Promise<number> {
  const still = new Set(parked.map(({ position }) => position));
  await client.query('DELETE FROM projector.parked WHERE build_id = $1 AND position = ANY($2)', [
    build.build_id,
    events.map(({ position }) => position).filter((position) => !still.has(position)),
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
