import type pg from 'pg';
import type { Build } from '../../read-models/build.js';
import type { Place } from '../../read-models/checkpoint.js';
import { findMismatches } from '../../read-models/same-log.js';

/** Keys of a build that stand still behind an event of this log which was discarded of a version. */
export async function findDiscardedKeys(
  db: pg.Pool | pg.ClientBase,
  logPool: pg.Pool,
  { build_id, projection }: Build,
  version: number,
): Promise<string[]> {
  const { rows } = await db.query<Place & { key_id: string }>(
    `SELECT p.key_id, d.position, d.event_id
     FROM projector.discarded d JOIN projector.parked p ON p.build_id = $1 AND p.position = d.position
     WHERE d.projection = $2 AND d.version = $3 AND NOT EXISTS (
       SELECT FROM projector.parked b WHERE b.build_id = $1 AND hashtextextended(b.key_id, 0) = hashtextextended(p.key_id, 0)
         AND b.key_id = p.key_id AND b.position < p.position)`,
    [build_id, projection, version],
  );
  const others = (await findMismatches(logPool, rows)).map(({ checkpoint }) => checkpoint);
  return rows.filter((row) => !others.includes(row)).map(({ key_id }) => key_id);
}
