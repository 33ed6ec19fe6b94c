// One page of a list, and the position it was read at, in one statement: one snapshot, so that the position that an
// answer claims is the position of its rows, and a swap of builds is seen whole or not at all.
import { sql } from 'kysely';
import type pg from 'pg';
import { expressions, type Part, type Weight, weightOf } from './columns.js';
import { fromCursor, type Key, type KeyPart, toCursor } from './cursor.js';
import { type Scope, type Sql, splitScope } from './scope.js';
import { selectTexts, type Texts } from './statement.js';

export interface KeyColumn {
  column: string;
  part: KeyPart;
  /** Only of a key's first column. */
  nullable?: true;
}

export interface Listing {
  /** Selects one number: the position of the answer. */
  position: Sql;
  /** Of a listing of one row: selects the first position that could not be folded into it. The answer stands for less, then. */
  parked?: Sql;
  /** Whose rows. */
  scope: Scope;
  /** `scoped` relations, joined, all of them of the scope that is given: the listing's, or a part of it. */
  from(scope: Scope): Sql;
  where: readonly Sql[];
  parts: readonly Part[];
  /** Names the list in its cursors. */
  name: string;
  /** What identifies a row of the list and orders it. */
  key: readonly KeyColumn[];
  descending?: boolean;
}

export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
  /** Texts of the page at the most (one larger row comes alone). Default: `PAGE_BYTES`. */
  bytes?: number;
}

export interface Page {
  position: number;
  rows: Texts[];
  nextCursor: string | null;
}

/** Texts of a page at the most (one larger row comes alone): an answer is held in memory as a whole. */
export const PAGE_BYTES = 8 * 1024 * 1024;

/** The rows after the cursor, `limit` at the most, fewer where they are large. */
export async function readPage(
  db: pg.Pool | pg.ClientBase,
  listing: Listing,
  request: PageRequest,
): Promise<Page> {
  const texts = await selectTexts(db, pageStatement(listing, request));
  const position = Number(texts[0]![0]);
  const found = texts.filter(([, nth]) => nth !== null);
  const more = found.length > 0 && Number(found[0]![2]) > found.length;
  const keys = listing.key.length;
  const last = found.at(-1)?.slice(3, 3 + keys);
  return {
    position,
    rows: found.map((row) => row.slice(3 + keys)),
    nextCursor: more && last ? toCursor(listing.name, last) : null,
  };
}

/** The only row of a listing, or undefined. */
export async function readOne(
  db: pg.Pool | pg.ClientBase,
  listing: Listing,
): Promise<{ position: number; row: Texts | undefined }> {
  const { position, rows } = await readPage(db, listing, { limit: 1 });
  return { position, row: rows[0] };
}

function pageStatement(listing: Listing, { limit, cursor, bytes = PAGE_BYTES }: PageRequest): Sql {
  const key = listing.key.map(({ column }) => sql.ref(column));
  const keyNames = key.map((_, index) => sql.ref(`k${index}`));
  const columns = expressions(listing.parts);
  const names = columns.map((_, index) => sql.ref(`c${index}`));
  const where = [...listing.where, ...afterCursor(listing, cursor)];
  const named = (values: readonly Sql[], as: readonly Sql[]) =>
    sql.join(values.map((value, index) => sql`${value} AS ${as[index]!}`));
  const direction = listing.descending ? sql`DESC` : sql`ASC`;
  const ordered = (values: readonly Sql[]) => sql.join(values.map((value) => sql`${value} ${direction}`));
  const branch = (scope: Scope) => sql`
    SELECT ${named(key, keyNames)}, ${named(columns, names)}
    FROM ${listing.from(scope)}
    WHERE ${where.length === 0 ? sql`true` : sql.join(where, sql` AND `)}
    ORDER BY ${ordered(key)} LIMIT ${limit + 1}`;
  // Of each workspace an index gives the first rows in order; of several at once none does.
  const branches = splitScope(listing.scope).map((scope) => sql`(${branch(scope)})`);
  const candidates = sql`SELECT * FROM (${sql.join(branches, sql` UNION ALL `)}) AS branch
    ORDER BY ${ordered(keyNames)} LIMIT ${limit + 1}`;
  // Only where there is a row that may be seen: of others it would tell that they are there.
  const position = listing.parked
    ? sql`CASE WHEN page.nth IS NULL THEN at.position ELSE least(at.position, (${listing.parked}) - 1) END`
    : sql`at.position`;
  return sql`
    SELECT ${position}, page.nth, page.found, ${sql.join([...keyNames, ...names].map((name) => sql`page.${name}`))}
    FROM (${listing.position}) AS at (position)
    LEFT JOIN (${fitting(candidates, ordered(keyNames), { limit, bytes, weight: weightOf(listing.parts, names) })}) AS page ON true
    ORDER BY page.nth`;
}

// What is kept is summed up first, so that few rows are read, and decompressed, that the page has no room for.
function fitting(
  candidates: Sql,
  order: Sql,
  { limit, bytes, weight }: { limit: number; bytes: number; weight: Weight },
): Sql {
  const before = (by: Sql) => sql`(ORDER BY ${by} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
  return sql`
    SELECT * FROM (
      SELECT kept.*, sum(${weight.read}) OVER ${before(sql`nth`)} AS bytes_before
      FROM (
        SELECT row_number() OVER (ORDER BY ${order}) AS nth, count(*) OVER () AS found,
          sum(${weight.kept}) OVER ${before(order)} AS kept_before, candidate.*
        FROM (${candidates}) AS candidate
      ) AS kept
      WHERE nth <= ${limit} AND coalesce(kept_before, 0) < ${bytes}
    ) AS weighed
    WHERE coalesce(bytes_before, 0) < ${bytes}`;
}

function afterCursor({ name, key, descending }: Listing, cursor: string | undefined): Sql[] {
  if (cursor === undefined) return [];
  const parts = key.map(({ part }) => part);
  return [after(key, fromCursor(name, parts, cursor), descending)];
}

// A null sorts last.
function after(key: readonly KeyColumn[], values: Key, descending = false): Sql {
  const columns = key.map(({ column }) => sql.ref(column));
  const comparison = descending ? sql`<` : sql`>`;
  const beyond = (from: number) =>
    sql`(${sql.join(columns.slice(from))}) ${comparison} (${sql.join(values.slice(from))})`;
  if (!key[0]!.nullable) return beyond(0);
  const isNull = sql`${columns[0]!} IS NULL`;
  return values[0] === null ? sql`(${isNull} AND ${beyond(1)})` : sql`(${beyond(0)} OR ${isNull})`;
}
