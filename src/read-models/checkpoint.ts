// How far a build's segments are, and the compare-and-set that keeps two projectors from applying one page twice.
import type pg from 'pg';
import { sqlState } from '../postgres/failure.js';
import { execute, type Statement } from '../postgres/pipeline.js';
import type { Build } from './build.js';

export interface Checkpoint {
  build_id: number;
  segment: number;
  position: number;
  /** Id of the event at the position, which tells the log; null where it is not known. */
  event_id: string | null;
  /** Raised by whoever changes the build's rows outside the fold. */
  revision: number;
}

const COLUMNS = 'build_id, segment, position, event_id, revision';

/** The checkpoints of a build, by segment. */
export async function readCheckpoints(db: pg.ClientBase | pg.Pool, buildId: number): Promise<Checkpoint[]> {
  const { rows } = await db.query(
    `SELECT ${COLUMNS} FROM projector.checkpoint WHERE build_id = $1 ORDER BY segment`,
    [buildId],
  );
  return rows;
}

/** Another process has moved a checkpoint: nothing was written; read what is there anew. */
export class CheckpointMoved extends Error {
  readonly code = 'HOOKFOLD_CHECKPOINT_MOVED';
  constructor(options?: ErrorOptions) {
    super('a checkpoint was moved by another process', options);
  }
}

/** Rows of projector.checkpoint are gone: nobody knows up to where the build's table is folded. */
export class CheckpointsMissing extends Error {
  readonly code = 'HOOKFOLD_CHECKPOINTS_MISSING';
  constructor({ projection, segments }: Pick<Build, 'projection' | 'segments'>, found: number) {
    super(
      `expected ${segments} checkpoints of ${projection}, found ${found}: somebody has deleted rows of ` +
        `projector.checkpoint. Make its rows anew from the log: hookfold rebuild ${projection}`,
    );
  }
}

/**
 * Throws where the checkpoints of a build are not one for each of the segments that it was known to have: CheckpointMoved
 * where it was split or dropped meanwhile, CheckpointsMissing where some were deleted.
 */
export async function assertWhole(
  db: pg.ClientBase | pg.Pool,
  build: Build,
  checkpoints: readonly Checkpoint[],
): Promise<void> {
  if (checkpoints.length === build.segments) return;
  // One statement: a split changes both in one transaction.
  const { rows } = await db.query(
    `SELECT projection, segments, (SELECT count(*) FROM projector.checkpoint c WHERE c.build_id = b.build_id) AS found
     FROM projector.build b WHERE build_id = $1`,
    [build.build_id],
  );
  const now = rows[0];
  throw now && now.found !== now.segments ? new CheckpointsMissing(now, now.found) : new CheckpointMoved();
}

const MOVED = 'HF002';

/** A place in the log, as an event and a checkpoint have it. */
export type Place = Pick<Checkpoint, 'position' | 'event_id'>;

/**
 * The statement that moves checkpoints from where they were read to a target, for the caller's transaction and before
 * its rows: a second projector waits there for the first's commit. Fails with CheckpointMoved where any of them has
 * moved; the transaction has failed then, so that statements sent behind are void.
 */
export function claimStatement(checkpoints: readonly Checkpoint[], { position, event_id }: Place): Statement {
  const list = (name: keyof Checkpoint) => checkpoints.map((checkpoint) => checkpoint[name]);
  const values = [list('build_id'), list('segment'), list('position'), list('revision'), position, event_id];
  return {
    text: 'SELECT projector.move_checkpoints($1, $2, $3, $4, $5, $6)',
    values,
    toError: (cause) => (sqlState(cause) === MOVED ? new CheckpointMoved({ cause }) : cause),
  };
}

/** Moves them so. */
export async function claimCheckpoints(
  client: pg.ClientBase,
  checkpoints: readonly Checkpoint[],
  target: Place,
): Promise<void> {
  await execute(client, claimStatement(checkpoints, target));
}

/** Notes that a checkpoint was moved. */
export function noteMove(checkpoint: Checkpoint, { position, event_id }: Place): void {
  Object.assign(checkpoint, { position, event_id });
}

/**
 * Locks all checkpoints of a build until the end of the transaction and raises their revision: a projector that is
 * folding notices at its next page, drops what it holds in memory, and reads anew. Answers them as they are then.
 */
export async function seizeCheckpoints(client: pg.ClientBase, buildId: number): Promise<Checkpoint[]> {
  await client.query('SELECT 1 FROM projector.checkpoint WHERE build_id = $1 ORDER BY segment FOR UPDATE', [
    buildId,
  ]);
  const { rows } = await client.query(
    `UPDATE projector.checkpoint SET revision = revision + 1 WHERE build_id = $1 RETURNING ${COLUMNS}`,
    [buildId],
  );
  return rows.sort((a, b) => a.segment - b.segment);
}
