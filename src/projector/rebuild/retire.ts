// What becomes of builds that are no longer wanted.
import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { type Build, lockServed, tableOf } from '../../read-models/build.js';
import { type HoldOptions, holdRebuild } from './hold.js';

/** Drops a build with its table; a build that is served is refused by Postgres, whose views hang on the table. */
export async function dropBuild(client: pg.ClientBase, build: Build): Promise<void> {
  await client.query(`DROP TABLE IF EXISTS ${tableOf(build)}`);
  await client.query('DELETE FROM projector.build WHERE build_id = $1', [build.build_id]);
}

/**
 * Discards the half-built tables of the named projections (all where none is named). Answers what was dropped. Throws
 * where a rebuild is at work on one; one that was killed is waited for, as `holdRebuild` does.
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
    return await inTransaction(pool, async (client) => {
      const { rows } = await client.query<Build>(
        `SELECT * FROM projector.build
         WHERE state = 'building' AND build_id = ANY ($1) ORDER BY build_id FOR UPDATE`,
        [found.rows.map(({ build_id }) => build_id)],
      );
      for (const build of rows) await dropBuild(client, build);
      return rows;
    });
  } finally {
    await hold.release();
  }
}

/**
 * Drops, after a swap, the builds that nobody can go back to any more: of the version that is served all retired ones but
 * the newest, and of versions older than the last one before it all that nobody follows. Throws where a long
 * transaction reads one of them (see `isLocked`): the next swap drops it.
 */
export async function dropOutlived(pool: pg.Pool, name: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query("SET LOCAL lock_timeout = '1s'");
    const served = await lockServed(client, name);
    if (!served) return;
    for (const retired of await findRetired(client, served)) await dropBuild(client, retired);
    for (const old of await findOutlived(client, served)) await dropVersion(client, old);
  });
}

async function findRetired(client: pg.ClientBase, served: Build): Promise<Build[]> {
  const { rows } = await client.query<Build>(
    `SELECT * FROM projector.build WHERE projection = $1 AND version = $2 AND state = 'retired'
     ORDER BY changed_at DESC, build_id DESC OFFSET 1`,
    [served.projection, served.version],
  );
  return rows;
}

// A process that follows a build has a lease on it.
async function findOutlived(client: pg.ClientBase, served: Build): Promise<Build[]> {
  const { rows } = await client.query<Build>(
    `SELECT * FROM projector.build b WHERE projection = $1 AND version < (
       SELECT max(version) FROM projector.build WHERE projection = $1 AND state = 'live' AND version < $2)
     AND NOT EXISTS (SELECT FROM hookfold.lease
       WHERE starts_with(name, 'build:' || b.build_id || ':') AND expires_at > now())
     ORDER BY build_id`,
    [served.projection, served.version],
  );
  return rows;
}

async function dropVersion(client: pg.ClientBase, build: Build): Promise<void> {
  if (build.state === 'live')
    await client.query(`DROP VIEW IF EXISTS read_model."${build.projection}_v${build.version}"`);
  await dropBuild(client, build);
}
