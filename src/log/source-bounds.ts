// What a source may send: for which workspaces, from where, how much.
import type pg from 'pg';
import { normaliseUuid, storableText } from '../../schemas/text.js';
import { missingSource, type SourceSettings } from './source.js';

export interface SourceBounds {
  /** In any spelling; null: any. */
  workspaces: readonly string[] | null;
  /** Null: from anywhere. */
  cidrs: readonly string[] | null;
  proxyDepth: number;
  /** Events a second; null: no limit. */
  maxRate: number | null;
  /** Bytes in flight; null: the door's own share. */
  maxBytes: number | null;
}

const COLUMNS = {
  workspaces: 'workspaces',
  cidrs: 'cidrs',
  proxyDepth: 'proxy_depth',
  maxRate: 'max_rate',
  maxBytes: 'max_bytes',
} as const satisfies Record<keyof SourceBounds, keyof SourceSettings>;

/** Columns of `source` and their values, for the bounds that are named. */
export function boundColumns(bounds: Partial<SourceBounds>): { column: string; value: unknown }[] {
  const named = (Object.keys(COLUMNS) as (keyof SourceBounds)[]).filter((name) => bounds[name] !== undefined);
  return named.map((name) => ({
    column: COLUMNS[name],
    value: name === 'workspaces' ? workspaceIds(bounds.workspaces!) : bounds[name],
  }));
}

function workspaceIds(workspaces: readonly string[] | null): string[] | null {
  return workspaces && [...new Set(workspaces.map((id) => storableText(normaliseUuid(id))))];
}

/**
 * Changes the bounds of a source that are named, and leaves the others; answers them all. Running doors notice within a
 * second or two. Throws where there is no such source.
 */
export async function setBounds(
  pool: pg.Pool,
  name: string,
  bounds: Partial<SourceBounds>,
): Promise<SourceSettings> {
  const columns = boundColumns(bounds);
  const sets = columns.map(({ column }, index) => `${column} = $${index + 2}`);
  const { rows } = await pool.query(
    `UPDATE source SET ${sets.join(', ')} WHERE name = $1 AND revoked_at IS NULL
     RETURNING name, workspaces, rules, cidrs, proxy_depth, max_rate, max_bytes`,
    [name, ...columns.map(({ value }) => value)],
  );
  if (!rows[0]) throw missingSource(name);
  return rows[0];
}
