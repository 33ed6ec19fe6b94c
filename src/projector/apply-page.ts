// One page, one transaction: checkpoints, rows, unreadable and parked events of every follower at that position.
//
//   load the rows that are not held ──▶ fold ──▶ BEGIN · compare-and-set · rows … · COMMIT, sent together
//
// Two projectors at once: the compare-and-set is the first statement, so the second waits for the first's commit,
// finds the checkpoint moved, and everything it sent is void. Rows may be loaded before it for the same reason: if
// it succeeds, nobody has written since the checkpoint was read. Killed half-way: Postgres rolls back, the checkpoint
// stands where it was, and the page is folded again by whoever comes next.
import type pg from 'pg';
import { isRefusedData } from '../postgres/failure.js';
import { inPipelinedTransaction, runAll, withClient } from '../postgres/pipeline.js';
import { type Checkpoint, CheckpointMoved, claimCheckpoints } from '../read-models/checkpoint.js';
import { type FoldedPage, foldPage, type Refusal } from './fold-page.js';
import type { Follower } from './follower.js';
import { type Page, slicePage } from './page.js';
import { keepParked, overlayParked } from './parked-keys.js';
import { writeIncidents } from './write-incidents.js';

export { CheckpointMoved, writeIncidents };

/** A follower's part in a page: the checkpoints that move. */
export interface Share {
  follower: Follower;
  checkpoints: Checkpoint[];
}

/** Postgres refuses a row of this follower. */
class RowRefused extends Error {
  constructor(
    readonly follower: Follower,
    override readonly cause: Error,
  ) {
    super(cause.message);
  }
}

type Refused = Map<Follower, Refusal>;

// Rows and checkpoint stand or fall together, so a crash of the server costs nothing but folding the last pages
// again: no need to wait for the disk.
const BEGIN = 'BEGIN; SET LOCAL synchronous_commit = off';

/**
 * Folds and commits a page for all shares, which stand at the position before it. Throws CheckpointMoved where
 * another was faster. A row that Postgres refuses is narrowed down to its event, which is parked.
 */
export async function applyPage(pool: pg.Pool, shares: readonly Share[], page: Page): Promise<void> {
  const refused: Refused = new Map();
  for (;;) {
    try {
      return await commitPage(pool, shares, page, refused);
    } catch (error) {
      for (const { follower } of shares) follower.store.forget();
      if (!(error instanceof RowRefused)) throw error;
      if (refused.has(error.follower)) throw error.cause;
      if (page.events.length > 1) return applyHalves(pool, shares, page);
      refused.set(error.follower, { position: page.last, reason: error.message });
    }
  }
}

async function applyHalves(pool: pg.Pool, shares: readonly Share[], page: Page): Promise<void> {
  const middle = page.events.length >> 1;
  await applyPage(pool, shares, slicePage(page, 0, middle));
  await applyPage(pool, shares, slicePage(page, middle, page.events.length));
}

async function commitPage(
  pool: pg.Pool,
  shares: readonly Share[],
  page: Page,
  refused: Refused,
): Promise<void> {
  const moving = shares.flatMap(({ checkpoints }) => checkpoints);
  const before = page.events[0]!.position - 1;
  if (moving.some(({ position }) => position !== before)) throw new CheckpointMoved();
  const folded = await withClient(pool, async (client) => {
    const folds = shares.map((share) => () => foldShare(client, share, page, refused.get(share.follower)));
    const pages = await runAll(client, folds);
    const writes = shares.map(
      ({ follower }, index) =>
        () =>
          writeShare(client, follower, pages[index]!),
    );
    await inPipelinedTransaction(
      client,
      [() => claimCheckpoints(client, moving, page.last), ...writes],
      BEGIN,
    );
    return pages;
  });
  for (const checkpoint of moving) checkpoint.position = page.last;
  for (const [index, { follower }] of shares.entries())
    keepParked(follower.parkedKeys, folded[index]!.parked);
}

function foldShare(
  client: pg.ClientBase,
  { follower, checkpoints }: Share,
  page: Page,
  refused?: Refusal,
): Promise<FoldedPage> {
  const { projection, store, build } = follower;
  const all = checkpoints.length === build.segments;
  const owned = all ? undefined : new Set(checkpoints.map(({ segment }) => segment));
  const parkedKeys = overlayParked(follower.parkedKeys);
  return foldPage(client, { projection, store, segments: build.segments, owned, parkedKeys }, page, refused);
}

async function writeShare(client: pg.ClientBase, follower: Follower, folded: FoldedPage): Promise<void> {
  const writeRows = async () => {
    await follower.store.flush(client).catch((error) => {
      throw isRefusedData(error) ? new RowRefused(follower, error) : error;
    });
  };
  await runAll(client, [() => writeIncidents(client, follower.build.build_id, folded), writeRows]);
}
