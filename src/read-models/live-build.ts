import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { inTransaction } from '../postgres/transaction.js';
import {
  type Build,
  createBuild,
  createIndexes,
  findBuild,
  findServed,
  setState,
  showBuild,
} from './build.js';

/**
 * The live build of a projection's version. Where nothing of the projection is served yet it is made, empty; where
 * another version is served there may be none until a rebuild: then undefined. Two at once: the second waits for the
 * lock, and finds the first's.
 */
export async function ensureLiveBuild(pool: pg.Pool, projection: Projection): Promise<Build | undefined> {
  const live = await findBuild(pool, projection, 'live');
  if (live) return live;
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7203441986))', [projection.name]);
    const found = await findBuild(client, projection, 'live');
    if (found || (await findServed(client, projection.name))) return found;
    const build = await createBuild(client, projection);
    await createIndexes(client, projection, build);
    await setState(client, build, 'live');
    await showBuild(client, build, true);
    return { ...build, state: 'live' };
  });
}
