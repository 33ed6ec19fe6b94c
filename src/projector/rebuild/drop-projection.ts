// A read model that the code has no more: nobody folds it, but its rows go on being read, and its lag grows.
import type pg from 'pg';
import { inTransaction } from '../../postgres/transaction.js';
import { type Build, lockServed } from '../../read-models/build.js';
import { type HoldOptions, holdRebuild } from './hold.js';
import { dropVersion } from './retire.js';

/**
 * Drops all tables and views of a projection of this name, and what is known of it; answers the builds that there were.
 * Throws where there are none, where a process follows or rebuilds it, and where a view of somebody's hangs on it.
 */
export async function dropProjection(pool: pg.Pool, name: string, options: HoldOptions): Promise<Build[]> {
  const { rows } = await pool.query<{ version: number }>(
    'SELECT DISTINCT version FROM projector.build WHERE projection = $1 ORDER BY version',
    [name],
  );
  if (rows.length === 0)
    throw new Error(`no read model is named ${JSON.stringify(name)}: see hookfold status`);
  const versions = rows.map(({ version }) => ({ name, version }));
  const hold = await holdRebuild(pool, versions, options);
  try {
    return await inTransaction(pool, (client) => dropAll(client, name));
  } finally {
    await hold.release();
  }
}

async function dropAll(client: pg.ClientBase, name: string): Promise<Build[]> {
  // Who waits for a long read of the view would hold up all that want to read it.
  await client.query("SET LOCAL lock_timeout = '1s'");
  await lockServed(client, name);
  await assertFollowedByNobody(client, name);
  const { rows } = await client.query<Build>(
    'SELECT * FROM projector.build WHERE projection = $1 ORDER BY build_id FOR UPDATE',
    [name],
  );
  await client.query(`DROP VIEW IF EXISTS read_model."${name}"`);
  await client.query('DELETE FROM projector.served WHERE projection = $1', [name]);
  await client.query('DELETE FROM projector.discarded WHERE projection = $1', [name]);
  for (const build of rows) await dropVersion(client, build);
  return rows;
}

async function assertFollowedByNobody(client: pg.ClientBase, name: string): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT FROM projector.build b JOIN hookfold.lease ON starts_with(name, 'build:' || b.build_id || ':')
     WHERE b.projection = $1 AND expires_at > now() LIMIT 1`,
    [name],
  );
  if (rowCount === 0) return;
  throw new Error(`${name} is followed by a projector whose code has it: stop that one first`);
}
