// What becomes of builds that are no longer wanted.
import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { type Build, lockServed } from '../../read-models/build.js';
import { dropBuild, dropBuilding } from './drop-build.js';
import { givingWay } from './give-way.js';
import { type HoldOptions, holdRebuild } from './hold.js';

/**
 * Discards the half-built tables of the named projections (all where none is named). Answers what was dropped. Throws
 * where a rebuild is at work on one; one that was killed is waited for, as `holdRebuild` does. Gives way to long reads.
 */
export async function discardRebuilds(
  pool: pg.Pool,
  names: readonly string[],
  options: HoldOptions,
): Promise<Build[]> {
  const found = await pool.query<Build>(
    `SELECT * FROM projector.build
     WHERE state = 'building' AND ($1::text[] = '{}' OR projection = ANY($1)) ORDER BY build_id`,
    [names],
  );
  const versions = found.rows.map(({ projection, version }) => ({ name: projection, version }));
  const hold = await holdRebuild(pool, versions, options);
  try {
    const { rows } = await pool.query<Build>(
      "SELECT * FROM projector.build WHERE state = 'building' AND build_id = ANY ($1) ORDER BY build_id",
      [found.rows.map(({ build_id }) => build_id)],
    );
    await givingWay(() =>
      inTransaction(pool, async (client) => {
        for (const build of rows) await dropBuilding(client, build);
      }),
    );
    return rows;
  } finally {
    await hold.release();
  }
}

/**
 * Drops, after a swap, the builds that nobody can go back to any more: retired ones but the newest of the version that is
 * served, and of versions older than the last one before what is served all that nobody follows or rebuilds. Each apart, so that one
 * that cannot be dropped (a long transaction reads it, a view of somebody's hangs on it) keeps no other from it; throws
 * the last such error then, and the next swap tries again.
 */
export async function dropOutlived(pool: pg.Pool, name: string): Promise<void> {
  let failed: unknown;
  for (const { build_id } of await findOutlived(pool, name))
    await inTransaction(pool, (client) => dropIfOutlived(client, name, build_id)).catch((error) => {
      failed = error;
    });
  if (failed) throw failed;
}

async function dropIfOutlived(client: pg.ClientBase, name: string, id: number): Promise<void> {
  await client.query("SET LOCAL lock_timeout = '1s'");
  await lockServed(client, name);
  const build = (await findOutlived(client, name)).find(({ build_id }) => build_id === id);
  if (build) await dropVersion(client, build);
}

// Who follows a version has a lease on a build of it, which after a swap is the one before for a moment; who rebuilds it
// has one on the version.
const OUTLIVED = `
  SELECT b.* FROM projector.build b
  JOIN (SELECT s.projection, l.version FROM projector.served s JOIN projector.build l USING (build_id)) served
    USING (projection)
  WHERE b.projection = $1 AND (
    b.state = 'retired' AND (b.version < served.version OR (
      SELECT count(*) FROM projector.build n WHERE (n.projection, n.version, n.state) = (b.projection, b.version, 'retired')
      AND (n.changed_at, n.build_id) > (b.changed_at, b.build_id)) > 0)
    OR b.version < (SELECT max(n.version) FROM projector.build n
      WHERE n.projection = b.projection AND n.state = 'live' AND n.version < served.version)
    AND NOT projector.is_rebuilding(b.projection, b.version)
    AND NOT EXISTS (SELECT FROM projector.build n
      JOIN hookfold.lease ON starts_with(name, 'build:' || n.build_id || ':') AND expires_at > now()
      WHERE (n.projection, n.version) = (b.projection, b.version)))
  ORDER BY b.build_id`;

async function findOutlived(db: pg.Pool | pg.ClientBase, name: string): Promise<Build[]> {
  return (await db.query<Build>(OUTLIVED, [name])).rows;
}

/** Drops a build, with the view of its version where it is live. */
export async function dropVersion(client: pg.ClientBase, build: Build): Promise<void> {
  if (build.state === 'live')
    await client.query(`DROP VIEW IF EXISTS read_model."${build.projection}_v${build.version}"`);
  await dropBuild(client, build);
}
