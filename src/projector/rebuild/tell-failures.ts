// Keeps with half-built tables why they could not be finished, for `hookfold status` and /v1/projections: who waits for a
// version is seldom where the process that rebuilds it writes its log.
import type pg from 'pg';
import { storableReason } from '../write-incidents.js';
import type { Rebuilding } from './rebuild.js';

/** Keeps the reasons by projection; of the others, that there is none. A fault of the database keeps no rebuild from going on. */
export async function tellFailures(
  pool: pg.Pool,
  builds: readonly Rebuilding[],
  reasons: ReadonlyMap<string, Error>,
): Promise<void> {
  const told = builds.map(({ projection, build }) => {
    const reason = reasons.get(projection.name);
    return { build_id: build.build_id, failure: reason ? storableReason(reason.message) : null };
  });
  await pool
    .query(
      `UPDATE projector.build b SET failure = t.failure
       FROM json_to_recordset($1) AS t(build_id bigint, failure text) WHERE b.build_id = t.build_id`,
      [JSON.stringify(told)],
    )
    .catch(() => {});
}
