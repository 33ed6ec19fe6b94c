import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { inTransaction } from '../../postgres/transaction.js';
import { type Build, lockServed, setState, showBuild } from '../../read-models/build.js';
import { seizeCheckpoints } from '../../read-models/checkpoint.js';
import { assertSameLog } from '../../read-models/same-log.js';
import type { Pools } from '../pools.js';
import { givingWay } from './give-way.js';

/**
 * Takes the last swap of a projection back: the build that was served before is served again, and followed from
 * where it stands, by processes of its version. Made again it goes on back, to an earlier version in the end. Where it comes to one, no rebuild by itself follows (pinned) until
 * the next one by hand. Throws where there is nothing to go back to, AnotherLog where it was folded from another log.
 */
export function rollbackRebuild(pools: Pools, projection: Projection): Promise<Build> {
  return givingWay(() => swapBack(pools, projection));
}

function swapBack({ logPool, readPool }: Pools, projection: Projection): Promise<Build> {
  return inTransaction(readPool, async (client) => {
    await client.query("SET LOCAL lock_timeout = '1s'");
    const served = await lockServed(client, projection.name);
    const previous = await findPrevious(client, served);
    if (!served || !previous)
      throw new Error(
        `${projection.name} has no earlier table to go back to. Only the last one is kept, and only after a rebuild.`,
      );
    await seizeCheckpoints(client, served.build_id);
    const checkpoints = await seizeCheckpoints(client, previous.build_id);
    await assertSameLog(logPool, projection.name, checkpoints);
    if (previous.version === served.version) {
      await setState(client, served, 'retired');
      await setState(client, previous, 'live');
    }
    await showBuild(client, previous, true);
    await client.query('UPDATE projector.served SET pinned = $2 WHERE projection = $1', [
      projection.name,
      served.pinned || previous.version !== served.version,
    ]);
    return previous;
  });
}

// Of the version's own tables one that was built before what is served, so that a rollback that is made again goes on back.
async function findPrevious(client: pg.ClientBase, served: Build | undefined): Promise<Build | undefined> {
  if (!served) return undefined;
  const { rows } = await client.query<Build>(
    `SELECT * FROM projector.build
     WHERE projection = $1 AND (version = $2 AND state = 'retired' AND build_id < $3 OR version < $2 AND state = 'live')
     ORDER BY version DESC, changed_at DESC, build_id DESC LIMIT 1`,
    [served.projection, served.version, served.build_id],
  );
  return rows[0];
}
