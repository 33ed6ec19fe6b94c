// The secondary indexes of a loaded build, made at once after the load.
//
// A live table has them while it is folded, so that an event whose row an index refuses (too long for one, say) is
// parked. Loaded without them, such a row is in the table, and only making the index shows it: then the build is emptied
// and indexed, and loaded again, slower, with that event parked as in the live one.
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { inAbortableTransaction } from '../../postgres/abortable-transaction.js';
import { isRefusedData } from '../../postgres/failure.js';
import { endWithClient } from '../../postgres/transaction.js';
import { type Build, createIndexes, tableOf } from '../../read-models/build.js';
import { seizeCheckpoints } from '../../read-models/checkpoint.js';
import { assertBuilding } from './drop-build.js';

/**
 * Makes the secondary indexes of a loaded build, once. False where an index refuses a row: the build is empty then, and
 * has its indexes; load it again. Ends soon after `signal` is aborted.
 */
export async function indexBuild(
  pool: pg.Pool,
  projection: Projection,
  build: Build,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    await inAbortableTransaction(pool, signal, async (client) => {
      await endWithClient(client);
      if (!(await hasIndexes(client, build))) await createIndexes(client, projection, build);
    });
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    await inAbortableTransaction(pool, signal, (client) => emptyAndIndex(client, projection, build));
    return false;
  }
  await inAbortableTransaction(pool, signal, (client) => client.query(`ANALYZE ${tableOf(build)}`));
  return true;
}

/** Whether the table has an index that its first statement did not make, which makes those of constraints. */
async function hasIndexes(client: pg.ClientBase, build: Build): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_index i WHERE indrelid = $1::regclass AND NOT EXISTS (
       SELECT FROM pg_constraint c WHERE c.conrelid = i.indrelid AND c.conindid = i.indexrelid) LIMIT 1`,
    [tableOf(build)],
  );
  return rowCount === 1;
}

async function emptyAndIndex(client: pg.ClientBase, projection: Projection, build: Build): Promise<void> {
  await seizeCheckpoints(client, build.build_id);
  await assertBuilding(client, build);
  await client.query(`TRUNCATE ${tableOf(build)}`);
  for (const incidents of ['unreadable', 'parked'])
    await client.query(`DELETE FROM projector.${incidents} WHERE build_id = $1`, [build.build_id]);
  await client.query('UPDATE projector.checkpoint SET position = 0, event_id = NULL WHERE build_id = $1', [
    build.build_id,
  ]);
  await createIndexes(client, projection, build);
}
