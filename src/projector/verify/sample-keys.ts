// Keys at random: half of them from events of the log, so that a row that is not there is found too; the rest from the
// rows that are served, so that one that should not be there is.
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { isKeyedByResource, keyId } from '../../../projections/key.js';
import type { ResourceKey } from '../../log/read-history.js';
import { type Build, tableOf } from '../../read-models/build.js';
import { readCheckpoints } from '../../read-models/checkpoint.js';
import type { Pools } from '../pools.js';

/** An integration, or one of its resources. */
export type SampledKey = { integration_id: string } & Partial<ResourceKey>;

/** Up to `count` keys of a projection whose keys lie within an integration, no key twice; as many as there are. */
export async function sampleKeys(
  projection: Projection,
  build: Build,
  pools: Pools,
  count: number,
): Promise<SampledKey[]> {
  // Of one key, every other time.
  const half = Math.floor(count / 2 + Math.random());
  const logged = await sampleLogged(projection, build, pools, half);
  const served = await sampleServed(projection, build, pools.readPool, count);
  const idOf = ({ integration_id, type, resource_id }: SampledKey) =>
    keyId([integration_id, type ?? null, resource_id ?? null]);
  const byId = new Map([...logged, ...served].map((key) => [idOf(key), key]));
  return [...byId.values()].slice(0, count);
}

const POSITIONS_A_KEY = 20;
const POSITIONS_AT_MOST = 20_000;

// An event in a part that is detached is not found, one that the projection does not read is not wanted: so more are drawn.
async function sampleLogged(
  projection: Projection,
  build: Build,
  { logPool, readPool }: Pools,
  count: number,
): Promise<SampledKey[]> {
  const checkpoints = await readCheckpoints(readPool, build.build_id);
  const through = Math.min(...checkpoints.map(({ position }) => position));
  const positions = Array.from({ length: Math.min(POSITIONS_A_KEY * count, POSITIONS_AT_MOST) }, () =>
    Math.ceil(Math.random() * through),
  );
  const ofResource = isKeyedByResource(projection);
  const { rows } = await logPool.query(
    `SELECT * FROM (
       SELECT DISTINCT integration_id${ofResource ? ', resource_type AS type, resource_id' : ''} FROM event_log
       WHERE position = ANY ($1::bigint[]) AND ($2::text[] IS NULL OR event = ANY ($2)) AND integration_id IS NOT NULL
         ${ofResource ? 'AND resource_type IS NOT NULL AND resource_id IS NOT NULL' : ''}
     ) k ORDER BY random() LIMIT $3`,
    [positions, projection.reads === 'everything' ? null : projection.reads, count],
  );
  return rows;
}

/** Blocks hold rows unevenly, and none where vacuum has emptied them: so some twenty times the rows that are wanted. */
const PERCENT_OF_TWENTY = 2000;

async function sampleServed(
  projection: Projection,
  build: Build,
  pool: pg.Pool,
  count: number,
): Promise<SampledKey[]> {
  const names = projection.keyColumns.map((name) => `"${name}"`).join(', ');
  const table = tableOf(build);
  const size = await pool.query(
    'SELECT greatest(reltuples, 0) AS rows FROM pg_class WHERE oid = $1::regclass',
    [table],
  );
  // Blocks at random of a large table; more of them where they held too few, and the table where that is as much work.
  for (let percent = (PERCENT_OF_TWENTY * count) / Math.max(1, size.rows[0].rows); ; percent *= 4) {
    const isAll = percent >= 50;
    const from = isAll ? table : `${table} TABLESAMPLE SYSTEM (${percent})`;
    const { rows } = await pool.query(`SELECT ${names} FROM ${from} ORDER BY random() LIMIT $1`, [count]);
    if (isAll || rows.length === count) return rows;
  }
}
