// How far a build's segments are, and the compare-and-set that keeps two projectors from applying one page twice.
import type pg from 'pg';

export interface Checkpoint {
  build_id: number;
  segment: number;
  position: number;
  /** Raised by whoever changes the build's rows outside the fold. */
  revision: number;
}

const COLUMNS = 'build_id, segment, position, revision';

/** The checkpoints of a build, by segment. */
export async function readCheckpoints(db: pg.ClientBase | pg.Pool, buildId: number): Promise<Checkpoint[]> {
  const { rows } = await db.query(
    `SELECT ${COLUMNS} FROM projector.checkpoint WHERE build_id = $1 ORDER BY segment`,
    [buildId],
  );
  return rows;
}

/**
 * Moves checkpoints from where they were read to `position`, in the caller's transaction and before its rows: a
 * second projector waits here for the first's commit. False where any of them has moved: the caller rolls back.
 */
export async function moveCheckpoints(
  client: pg.ClientBase,
  checkpoints: readonly Checkpoint[],
  position: number,
): Promise<boolean> {
  const list = (name: keyof Checkpoint) => checkpoints.map((checkpoint) => checkpoint[name]);
  const { rowCount } = await client.query(
    `UPDATE projector.checkpoint c SET position = $5, updated_at = now()
     FROM (SELECT * FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[])
       AS e(build_id, segment, position, revision) ORDER BY 1, 2) e
     WHERE c.build_id = e.build_id AND c.segment = e.segment
       AND c.position = e.position AND c.revision = e.revision`,
    [list('build_id'), list('segment'), list('position'), list('revision'), position],
  );
  return rowCount === checkpoints.length;
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
