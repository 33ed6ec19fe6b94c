// Served rows together with the position they stand for, read in one statement: what is compared is what was served
// at one moment, while the projector goes on.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../../projections/contract.js';
import { keyId, keyOfRow } from '../../../projections/key.js';
import type { ResourceKey } from '../../log/read-history.js';
import { TEXT_TYPES } from '../../postgres/connect.js';
import { type Build, tableOf } from '../../read-models/build.js';
import { columnsOf, rowFromTexts, selected } from '../../read-models/columns.js';
import { hashOfIntegration } from '../../read-models/segment.js';

export interface ServedRows {
  /** All events up to it are in the rows. */
  position: number;
  /** By `keyId`. */
  rows: Map<string, AnyRow>;
  /** Of the keys that were asked for those whose fold stands still because an event of theirs is parked. */
  parked: Set<string>;
}

interface Asked {
  /** Hash of the integration; the statement itself sees which segment it is in, since they may be split anew. */
  hash: number;
  /** A FROM item with its condition, which gives the rows `t`. */
  rowsOn: string;
  /** The condition of the parked events `p` whose keys are of interest. */
  parkedOn: string;
  /** Parameters from $3 on. */
  values: unknown[];
}

// The parked keys may be many, and come with the first row alone.
async function readServed(
  pool: pg.Pool,
  projection: Projection,
  build: Build,
  { hash, rowsOn, parkedOn, values }: Asked,
): Promise<ServedRows> {
  const columns = columnsOf(projection);
  const result = await pool.query({
    text: `SELECT c.position, CASE WHEN row_number() OVER () = 1 THEN (
          SELECT json_agg(DISTINCT key_id) FROM projector.parked p WHERE p.build_id = $1 AND ${parkedOn}) END,
        t.tableoid, ${columns.map((column) => selected(column, 't.')).join(', ')}
      FROM projector.build b
      JOIN projector.checkpoint c ON c.build_id = b.build_id AND c.segment = $2::bigint % b.segments
      LEFT JOIN ${rowsOn}
      WHERE b.build_id = $1 AND b.state = 'live'`,
    values: [build.build_id, hash, ...values],
    rowMode: 'array',
    types: TEXT_TYPES,
  });
  const texts = result.rows as unknown as (string | null)[][];
  if (texts.length === 0)
    throw new Error(`the table ${build.table_name} is not live any more; verify ${projection.name} again`);
  const rows = new Map<string, AnyRow>();
  for (const [, , oid, ...values] of texts) {
    if (oid === null) continue;
    const row = rowFromTexts(columns, values);
    rows.set(keyId(keyOfRow(projection, row)), row);
  }
  return {
    position: Number(texts[0]![0]),
    rows,
    parked: new Set(JSON.parse(texts[0]![1] ?? '[]') as string[]),
  };
}

/** All served rows of an integration. */
export function readServedIntegration(
  pool: pg.Pool,
  projection: Projection,
  build: Build,
  integrationId: string,
): Promise<ServedRows> {
  const isFirst = projection.keyColumns[0] === 'integration_id';
  return readServed(pool, projection, build, {
    hash: hashOfIntegration(integrationId),
    rowsOn: `${tableOf(build)} t ON t.integration_id = $3`,
    parkedOn: 'starts_with(p.key_id, $4)',
    values: [integrationId, isFirst ? keyId([integrationId]) : ''],
  });
}

/** The served rows of some of an integration's resources. */
export function readServedResources(
  pool: pg.Pool,
  projection: Projection,
  build: Build,
  integrationId: string,
  resources: readonly ResourceKey[],
): Promise<ServedRows> {
  return readServed(pool, projection, build, {
    hash: hashOfIntegration(integrationId),
    rowsOn: `(unnest($4::text[], $5::text[]) AS k (type, resource_id) JOIN ${tableOf(build)} t
      ON t.integration_id = $3 AND t.type = k.type AND t.resource_id = k.resource_id) ON true`,
    parkedOn: 'p.key_id = ANY ($6)',
    values: [
      integrationId,
      resources.map(({ type }) => type),
      resources.map(({ resource_id }) => resource_id),
      resources.map(({ type, resource_id }) => keyId([integrationId, type, resource_id])),
    ],
  });
}

/** All served rows of a projection that is not split, up to `limit` of them. */
export function readAllServed(
  pool: pg.Pool,
  projection: Projection,
  build: Build,
  limit: number,
): Promise<ServedRows> {
  return readServed(pool, projection, build, {
    hash: 0,
    rowsOn: `(SELECT tableoid, * FROM ${tableOf(build)} LIMIT $3) t ON true`,
    parkedOn: 'true',
    values: [limit],
  });
}
