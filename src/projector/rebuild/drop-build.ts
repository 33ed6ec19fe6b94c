// Builds that are dropped, and the guard of those that are half-built.
import type pg from 'pg';
import { type Build, tableOf } from '../../read-models/build.js';
import { seizeCheckpoints } from '../../read-models/checkpoint.js';

/** Drops a build with its table; a build that is served is refused by Postgres, whose views hang on the table. */
export async function dropBuild(client: pg.ClientBase, build: Build): Promise<void> {
  await client.query(`DROP TABLE IF EXISTS ${tableOf(build)}`);
  await client.query('DELETE FROM projector.build WHERE build_id = $1', [build.build_id]);
}

/**
 * Drops a half-built build. Throws where it is half-built no more, and, after a second, where somebody reads it (a dump,
 * say): waiting on would hold its checkpoints. Checkpoints first, as whoever writes to it: one that still does, without
 * its lease, then finds them gone.
 */
export async function dropBuilding(client: pg.ClientBase, build: Build): Promise<void> {
  await client.query("SET LOCAL lock_timeout = '1s'");
  await seizeCheckpoints(client, build.build_id);
  await assertBuilding(client, build);
  await dropBuild(client, build);
}

/** Throws where a build is no longer building. The caller holds its checkpoints. */
export async function assertBuilding(client: pg.ClientBase, building: Build): Promise<void> {
  const { rows } = await client.query('SELECT state FROM projector.build WHERE build_id = $1', [
    building.build_id,
  ]);
  if (rows[0]?.state === 'building') return;
  throw new Error(
    `the rebuild of ${building.projection} was ${rows[0]?.state ?? 'discarded'} by another process meanwhile. ` +
      'Look at hookfold status, and start it again if it is still wanted.',
  );
}
