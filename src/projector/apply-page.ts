// One page, one transaction: checkpoints, rows, unreadable and parked events of every follower at that position.
//
// Two projectors at once: moveCheckpoints is the first statement, so the second waits for the first's commit, finds
// the checkpoint moved, and rolls back with nothing written. Killed half-way: Postgres rolls back, the checkpoint
// stands where it was, and the page is folded again by whoever comes next.
import type pg from 'pg';
import { isRefusedData } from '../postgres/failure.js';
import { inTransaction } from '../postgres/transaction.js';
import { type Checkpoint, moveCheckpoints } from '../read-models/checkpoint.js';
import { type FoldedPage, foldPage } from './fold-page.js';
import type { Follower } from './follower.js';
import { type Page, slicePage } from './page.js';

/** A follower's part in a page: the checkpoints that move. */
export interface Share {
  follower: Follower;
  checkpoints: Checkpoint[];
}

/** Another process has moved a checkpoint: nothing was written; read the followers anew. */
export class CheckpointMoved extends Error {
  readonly code = 'HOOKFOLD_CHECKPOINT_MOVED';
  constructor() {
    super('a checkpoint was moved by another process');
  }
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

type Refused = Map<Follower, { position: number; reason: string }>;

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
      for (const { follower } of shares) forgetPage(follower, page);
      if (!(error instanceof RowRefused)) throw error;
      if (page.events.length > 1) return applyHalves(pool, shares, page);
      refused.set(error.follower, { position: page.last, reason: error.message });
    }
  }
}

function forgetPage({ store, parkedKeys }: Follower, page: Page): void {
  store.forget();
  const first = page.events[0]!.position;
  for (const [id, position] of parkedKeys) if (position >= first) parkedKeys.delete(id);
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
  await inTransaction(pool, async (client) => {
    const moving = shares.flatMap(({ checkpoints }) => checkpoints);
    if (!(await moveCheckpoints(client, moving, page.last))) throw new CheckpointMoved();
    for (const share of shares) await foldShare(client, share, page, refused.get(share.follower));
  });
  for (const { checkpoints } of shares) for (const checkpoint of checkpoints) checkpoint.position = page.last;
}

async function foldShare(
  client: pg.ClientBase,
  { follower, checkpoints }: Share,
  page: Page,
  refused?: { position: number; reason: string },
): Promise<void> {
  const { projection, store, build, parkedKeys } = follower;
  const all = checkpoints.length === build.segments;
  const owned = all ? undefined : new Set(checkpoints.map(({ segment }) => segment));
  const target = { projection, store, segments: build.segments, owned, parkedKeys };
  const folded = await foldPage(client, target, page, refused);
  await writeIncidents(client, build.build_id, folded);
  try {
    await store.flush(client);
  } catch (error) {
    throw isRefusedData(error) ? new RowRefused(follower, error as Error) : error;
  }
}

/** Records the events of a page that could not be read or folded. */
export async function writeIncidents(
  client: pg.ClientBase,
  buildId: number,
  folded: FoldedPage,
): Promise<void> {
  if (folded.unreadable.length > 0)
    await client.query(
      `INSERT INTO projector.unreadable (build_id, position, event, workspace_id, reason)
       SELECT $1, u.* FROM json_to_recordset($2)
         AS u(position bigint, event text, workspace_id text, reason text)`,
      [buildId, JSON.stringify(folded.unreadable)],
    );
  if (folded.parked.length > 0)
    await client.query(
      `INSERT INTO projector.parked (build_id, position, key_id, event, reason)
       SELECT $1, p.* FROM json_to_recordset($2) AS p(position bigint, key_id text, event text, reason text)`,
      [buildId, JSON.stringify(folded.parked)],
    );
}
