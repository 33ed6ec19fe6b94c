// One page for several followers, in two steps, so that the next can be folded while this one is written:
//
//   fold     load the rows that are not held, evolve, in memory only
//   commit   make all statements; BEGIN · compare-and-set of the checkpoints · rows … · COMMIT, sent together
//
// Rows may be loaded before the compare-and-set: if it succeeds, nobody has written since the checkpoint was read.
import type pg from 'pg';
import { isRefusedData } from '../postgres/failure.js';
import { inPipelinedTransaction, runAll, type Statement, withClient } from '../postgres/pipeline.js';
import { type Checkpoint, CheckpointMoved, claimStatement, noteMove } from '../read-models/checkpoint.js';
import { type FoldedPage, foldPage, type Refusal } from './fold-page.js';
import type { Follower } from './follower.js';
import type { Page } from './page.js';
import { type ParkedTrial, tryParked } from './parked-keys.js';
import { partError } from './part-failed.js';
import type { Batch } from './row-store.js';
import { assertFewParked } from './too-many-parked.js';
import { incidentStatements } from './write-incidents.js';

/** A follower's part in a page: the checkpoints that move. */
export interface Share {
  follower: Follower;
  checkpoints: Checkpoint[];
}

/** A row of this follower cannot be written: its table cannot take a value, or Postgres refuses it. */
export class RowRefused extends Error {
  constructor(
    readonly follower: Follower,
    override readonly cause: Error,
  ) {
    super(cause.message);
  }
}

interface FoldedShare extends FoldedPage {
  follower: Follower;
  parkedKeys: ParkedTrial;
}

/** A page folded in memory, for all its shares. Exactly one of commit and `undo` follows. */
export interface FoldedShares {
  page: Page;
  parts: readonly FoldedShare[];
  /** Drops what the followers hold in memory, and what the page has parked. */
  undo(): void;
}

// Rows and checkpoint stand or fall together, so a crash of the server costs nothing but folding the last pages
// again: no need to wait for the disk.
const BEGIN = 'BEGIN; SET LOCAL synchronous_commit = off';

/**
 * Folds a page for all shares, in memory. A throw leaves nothing behind; PartFailed where it is about one share's table,
 * TooManyParked where the pages before have parked too much of one.
 */
export async function foldShares(
  pool: pg.Pool,
  shares: readonly Share[],
  page: Page,
  refused: ReadonlyMap<Follower, Refusal> = new Map(),
): Promise<FoldedShares> {
  for (const { follower } of shares) assertFewParked(follower);
  const trials = shares.map(({ follower }) => tryParked(follower.parkedKeys));
  const undo = () => {
    for (const { follower } of shares) follower.store.forget();
    for (const trial of trials) trial.undo();
  };
  try {
    const parts = await withClient(pool, (client) =>
      runAll(
        client,
        shares.map((share, index) => async () => {
          const { follower } = share;
          const parkedKeys = trials[index]!;
          const folded = await foldShare(client, share, parkedKeys, page, refused.get(follower)).catch(
            (error) => {
              throw partError(follower, error);
            },
          );
          return { ...folded, follower, parkedKeys };
        }),
      ),
    );
    return { page, parts, undo };
  } catch (error) {
    undo();
    throw error;
  }
}

function foldShare(
  client: pg.ClientBase,
  { follower, checkpoints }: Share,
  parkedKeys: ParkedTrial,
  page: Page,
  refused?: Refusal,
): Promise<FoldedPage> {
  const { projection, store, build } = follower;
  const all = checkpoints.length === build.segments;
  const owned = all ? undefined : new Set(checkpoints.map(({ segment }) => segment));
  return foldPage(client, { projection, store, segments: build.segments, owned, parkedKeys }, page, refused);
}

/**
 * Writes a folded page and moves the checkpoints, in one transaction. Takes the changed rows before it first waits:
 * what is folded from then on is the next page. Throws CheckpointMoved where another was faster, RowRefused where a row
 * cannot be written, PartFailed where one share's table cannot be; the caller undoes the page then, and those folded after it.
 */
export async function commitShares(
  pool: pg.Pool,
  shares: readonly Share[],
  folded: FoldedShares,
): Promise<void> {
  const { page, parts } = folded;
  const moving = shares.flatMap(({ checkpoints }) => checkpoints);
  const last = page.events.at(-1)!;
  const before = page.events[0]!.position - 1;
  const batches = parts.map(({ follower }) => follower.store.take());
  if (moving.some(({ position }) => position !== before)) throw new CheckpointMoved();
  const writes = parts.flatMap((part, index) => statementsOf(part, batches[index]!));
  const statements = [claimStatement(moving, last), ...writes];
  await withClient(pool, (client) => inPipelinedTransaction(client, statements, BEGIN));
  for (const checkpoint of moving) noteMove(checkpoint, last);
  for (const batch of batches) batch.settle();
}

function statementsOf(part: FoldedShare, batch: Batch): Statement[] {
  const { follower } = part;
  const toError = (cause: unknown) =>
    isRefusedData(cause) ? new RowRefused(follower, cause as Error) : partError(follower, cause);
  try {
    const statements = [...incidentStatements(follower.build.build_id, part), ...batch.statements()];
    return statements.map((statement) => ({ ...statement, toError }));
  } catch (error) {
    throw new RowRefused(follower, error as Error);
  }
}
