// What becomes of builds that are no longer wanted.
import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { type Build, tableOf } from '../../read-models/build.js';
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

/** Drops the retired builds of a version but the newest `kept`, which a rollback can go back to. */
export async function pruneRetired(client: pg.ClientBase, build: Build, kept: number): Promise<void> {
  const { rows } = await client.query<Build>(
    `SELECT * FROM projector.build WHERE projection = $1 AND version = $2 AND state = 'retired'
     ORDER BY changed_at DESC, build_id DESC OFFSET $3`,
    [build.projection, build.version, kept],
  );
  for (const retired of rows) await dropBuild(client, retired);
}
