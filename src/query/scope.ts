// Who sees which rows: decided here and nowhere else. `scoped` is the only way in which a query of this room names
// a relation that holds customers' rows, and every use of it says for whom.
import { type RawBuilder, sql } from 'kysely';
import type { Projection } from '../../projections/contract.js';
import { normaliseUuid, storableText } from '../../schemas/text.js';

export type Sql = RawBuilder<unknown>;

/** The workspaces whose rows may be seen. */
export type Scope = 'all' | readonly string[];

/** Who asks. */
export interface Caller {
  name: string;
  admin: boolean;
  scope: Scope;
}

/** A relation with a column `workspace_id`. */
export interface Relation {
  table: Sql;
  /** Indexed by the workspace's hash, beside the plain column. */
  hashed: boolean;
}

/** The event log. */
export const EVENT_LOG: Relation = { table: sql`event_log`, hashed: true };

/** The rows of a projection in the version of this code; see `showBuild`. */
export function viewOf({ name, version }: Projection): Relation {
  return { table: sql`${sql.table(`read_model.${name}_v${version}`)}`, hashed: false };
}

/** What projections could not read, of the builds that are served. */
export const UNREADABLE: Relation = {
  table: sql`(SELECT u.position, b.projection, u.event, u.reason, u.workspace_id FROM projector.unreadable u
    JOIN projector.served s USING (build_id) JOIN projector.build b USING (build_id)) AS unreadable`,
  hashed: false,
};

/**
 * What projections could not fold, in the versions of this code, as `hookfold parked list` has it; for admins, since it
 * has no workspace.
 */
export function parkedRows(projections: readonly Projection[]): Relation {
  const versions = sql.join(projections.map(({ name, version }) => sql`(${name}, ${version})`));
  return {
    table: sql`(SELECT b.projection, b.version, p.position, p.key_id, p.event, p.reason, p.parked_at
      FROM projector.parked p JOIN projector.build b USING (build_id)
      WHERE b.state = 'live' AND (b.projection, b.version) IN (${versions})) AS parked`,
    hashed: false,
  };
}

/** An id as the log spells it. */
export const storedId = (id: string) => storableText(normaliseUuid(id));

/** The part of a scope that lies in one workspace (in any spelling); the scope itself where none is named. */
export function narrow(scope: Scope, workspaceId: string | undefined): Scope {
  if (workspaceId === undefined) return scope;
  const id = storedId(workspaceId);
  return scope === 'all' || scope.includes(id) ? [id] : [];
}

const SPLIT_UP_TO = 50;

/** The scope in parts that overlap nowhere, each of one workspace, unless they are too many. */
export function splitScope(scope: Scope): Scope[] {
  if (scope === 'all' || scope.length < 2 || scope.length > SPLIT_UP_TO) return [scope];
  return scope.map((workspace) => [workspace]);
}

/** A FROM item: the rows of a relation that the scope may see, under an alias. */
export function scoped(scope: Scope, relation: Relation, alias: string): Sql {
  const rows = scope === 'all' ? sql`` : sql`WHERE ${isWithin(scope, relation)}`;
  return sql`(SELECT * FROM ${relation.table} ${rows}) AS ${sql.ref(alias)}`;
}

// One workspace by `=`, so that an index that begins with it also gives the order of a page.
function isWithin(workspaces: readonly string[], { hashed }: Relation): Sql {
  const [first, second] = workspaces;
  if (first === undefined) return sql`false`;
  const list = [...workspaces];
  const plain = second === undefined ? sql`workspace_id = ${first}` : sql`workspace_id = ANY (${list})`;
  if (!hashed) return plain;
  const hashes =
    second === undefined
      ? sql`hashtextextended(${first}, 0)`
      : sql`ANY (ARRAY(SELECT hashtextextended(w, 0) FROM unnest(${list}::text[]) w))`;
  return sql`hashtextextended(workspace_id, 0) = ${hashes} AND ${plain}`;
}

/** Whether a row that was folded here, not selected, may be seen. */
export function isVisible(scope: Scope, row: { workspace_id?: unknown }): boolean {
  return scope === 'all' || scope.includes(row.workspace_id as string);
}
