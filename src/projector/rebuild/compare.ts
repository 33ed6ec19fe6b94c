// Compares the tables of two builds row by row and column by column, in SQL, where both stand at one position.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../../projections/contract.js';
import { type Build, tableOf } from '../../read-models/build.js';
import { columnsOf } from '../../read-models/columns.js';

export interface RowDifference {
  kind: 'added' | 'removed' | 'changed';
  /** Key columns and their values. */
  key: AnyRow;
  /** Of a changed row its changed columns; of an added or removed row all. */
  columns: Record<string, { before: unknown; after: unknown }>;
}

export interface Comparison {
  rows_before: number;
  rows_after: number;
  added: number;
  removed: number;
  changed: number;
  /** Changed rows by column. */
  changed_columns: Record<string, number>;
  sample: RowDifference[];
}

/** Whether the two tables hold the same rows. */
export const isSame = ({ added, removed, changed }: Comparison) => added + removed + changed === 0;

/** Whether the rows of two builds can be told by one key: that of the projection, in columns of the same types. */
export async function haveOneKey(
  client: pg.ClientBase,
  projection: Projection,
  before: Build,
  after: Build,
): Promise<boolean> {
  const columns = await sharedColumns(client, projection, before, after);
  const typed = columns.filter(({ name, comparable }) => comparable && isKey(projection, name));
  if (typed.length < projection.keyColumns.length) return false;
  const { rows } = await client.query(
    `SELECT FROM pg_index i WHERE indrelid = $1::regclass AND indisunique AND $2::text[] = ARRAY(
       SELECT attname::text FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)
       ORDER BY array_position($2, attname::text))`,
    [tableOf(before), projection.keyColumns],
  );
  return rows.length > 0;
}

/**
 * Compares the rows of `before` with those of `after`, in the columns that both have: all are counted, at most
 * `sampleSize` are shown, of each kind some.
 */
export async function compareBuilds(
  client: pg.ClientBase,
  projection: Projection,
  before: Build,
  after: Build,
  sampleSize: number,
): Promise<Comparison> {
  const columns = await sharedColumns(client, projection, before, after);
  const differences = differencesSql(projection, before, after, columns);
  const others = columns.filter(({ name }) => !isKey(projection, name));
  const counts = await client.query(countsSql(before, after, others, differences));
  const { changed_columns, ...totals } = counts.rows[0];
  const comparison: Comparison = {
    ...totals,
    changed_columns: Object.fromEntries(
      Object.entries(changed_columns as Record<string, number>).filter(([, count]) => count > 0),
    ),
    sample: [],
  };
  if (isSame(comparison) || sampleSize === 0) return comparison;
  const sample = await client.query(sampleSql(comparison, differences, sampleSize));
  return { ...comparison, sample: sample.rows.map((row) => toDifference(row, projection, columns)) };
}

// Of each kind there is: in equal shares, of which what one kind has not goes to the others.
function sampleSql({ added, removed, changed }: Comparison, differences: string, size: number): string {
  const kinds = Object.entries({ added, removed, changed })
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => a - b);
  let left = size;
  return kinds
    .map(([kind, count], index) => {
      const share = Math.min(count, Math.ceil(left / (kinds.length - index)));
      left -= share;
      return `(SELECT kind, before, after FROM (${differences}) d WHERE kind = '${kind}' LIMIT ${share})`;
    })
    .join(' UNION ALL ');
}

interface SharedColumn {
  name: string;
  /** Both tables have it in one type, whose `=` says what its text says. */
  comparable: boolean;
}

// Two versions may have different columns: those of both are compared.
async function sharedColumns(
  client: pg.ClientBase,
  projection: Projection,
  before: Build,
  after: Build,
): Promise<SharedColumn[]> {
  const { rows } = await client.query<SharedColumn>(
    `SELECT attname AS name, count(DISTINCT atttypid) = 1 AND bool_and(atttypid <> 'json'::regtype) AS comparable
     FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
       AND attrelid IN ($1::regclass, $2::regclass) GROUP BY attname HAVING count(DISTINCT attrelid) = $3`,
    [tableOf(before), tableOf(after), before.build_id === after.build_id ? 1 : 2],
  );
  return columnsOf(projection).flatMap(({ name }) => rows.find((row) => row.name === name) ?? []);
}

const isKey = (projection: Projection, name: string) => projection.keyColumns.includes(name);

function differencesSql(
  projection: Projection,
  before: Build,
  after: Build,
  columns: readonly SharedColumn[],
): string {
  const keys = projection.keyColumns;
  const others = columns.filter(({ name }) => !isKey(projection, name));
  const joined = keys.map((name) =>
    isNullable(projection, name) ? sameOrBothNull(name) : `b."${name}" = a."${name}"`,
  );
  // Else as text: json has no equality, and its operators refuse the escape of NUL.
  const differs = others.map(({ name, comparable }) => {
    const cast = comparable ? '' : '::text';
    return `b."${name}"${cast} IS DISTINCT FROM a."${name}"${cast}`;
  });
  const flags = others.map(({ name }, index) => `, ${differs[index]} AS "differs ${name}"`);
  const kind =
    "CASE WHEN b.tableoid IS NULL THEN 'added' WHEN a.tableoid IS NULL THEN 'removed' ELSE 'changed' END";
  return `SELECT ${kind} AS kind, row_to_json(b) AS before, row_to_json(a) AS after${flags.join('')}
    FROM (SELECT *, tableoid FROM ${tableOf(before)}) b FULL JOIN (SELECT *, tableoid FROM ${tableOf(after)}) a
    ON ${joined.join(' AND ')}
    WHERE b.tableoid IS NULL OR a.tableoid IS NULL OR ${differs.join(' OR ') || 'false'}`;
}

// A full join can be hashed on `=` alone, not on IS NOT DISTINCT FROM. An empty text is not null.
const sameOrBothNull = (name: string) =>
  `coalesce(b."${name}"::text, '') = coalesce(a."${name}"::text, '') AND (b."${name}" IS NULL) = (a."${name}" IS NULL)`;

function isNullable(projection: Projection, name: string): boolean {
  const type = projection.row.properties[name]?.type;
  return Array.isArray(type) && type.includes('null');
}

function countsSql(
  before: Build,
  after: Build,
  columns: readonly SharedColumn[],
  differences: string,
): string {
  const counted = columns.map(
    ({ name }) => `'${name}', count(*) FILTER (WHERE kind = 'changed' AND "differs ${name}")`,
  );
  return `SELECT (SELECT count(*) FROM ${tableOf(before)}) AS rows_before,
    (SELECT count(*) FROM ${tableOf(after)}) AS rows_after,
    count(*) FILTER (WHERE kind = 'added') AS added,
    count(*) FILTER (WHERE kind = 'removed') AS removed,
    count(*) FILTER (WHERE kind = 'changed') AS changed,
    json_build_object(${counted.join(', ')}) AS changed_columns
    FROM (${differences}) d`;
}

function toDifference(
  { kind, before, after }: { kind: RowDifference['kind']; before: AnyRow | null; after: AnyRow | null },
  projection: Projection,
  columns: readonly SharedColumn[],
): RowDifference {
  const row = (after ?? before)!;
  const key = Object.fromEntries(projection.keyColumns.map((name) => [name, row[name]]));
  const shown = columns
    .map(({ name }) => name)
    .filter(
      (name) => !isKey(projection, name) && JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]),
    );
  const pair = (name: string) => ({ before: before?.[name] ?? null, after: after?.[name] ?? null });
  return { kind, key, columns: Object.fromEntries(shown.map((name) => [name, pair(name)])) };
}
