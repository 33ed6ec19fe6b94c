import type pg from 'pg';
import type { Build } from '../../read-models/build.js';

/** Events that are parked in a new table, and in the one before (0 where there was none). */
export interface ParkedCounts {
  before: number;
  after: number;
}

/** Counts what is parked in two builds, of the events up to a position, but those of some keys. */
export async function countParked(
  client: pg.ClientBase,
  before: Build | undefined,
  after: Build,
  upTo: number,
  except: readonly string[] = [],
): Promise<ParkedCounts> {
  const { rows } = await client.query<ParkedCounts>(
    `SELECT count(*) FILTER (WHERE build_id = $1)::float8 AS before, count(*) FILTER (WHERE build_id = $2)::float8 AS after
     FROM projector.parked WHERE build_id IN ($1, $2) AND position <= $3 AND key_id <> ALL ($4)`,
    [before?.build_id ?? null, after.build_id, upTo, except],
  );
  return rows[0]!;
}
