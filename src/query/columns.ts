// The columns of an answer: from which alias each is read, and how its text becomes JSON.
import { sql } from 'kysely';
import type { Projection } from '../../projections/contract.js';
import { type Column, rowFromTexts, rowToJson, shownColumns } from '../read-models/columns.js';
import type { Sql } from './scope.js';
import type { Texts } from './statement.js';

/** Columns that are read from one alias of a statement, beside others. */
export interface Part {
  alias: string;
  columns: readonly Column[];
}

/** The columns of a projection that the API shows. */
export const partOf = (projection: Projection, alias: string): Part => ({
  alias,
  columns: shownColumns(projection),
});

/** The expressions that select parts, one after the other, as `toJson` reads them. */
export function expressions(parts: readonly Part[]): Sql[] {
  return parts.flatMap(({ alias, columns }) =>
    columns.map(({ name, kind }) => {
      const column = sql.ref(`${alias}.${name}`);
      return kind === 'text[]' ? sql`to_json(${column})::text` : column;
    }),
  );
}

/** Bytes of a row's texts: as Postgres keeps them, and as they are read. */
export interface Weight {
  /** Told without reading them; fewer where JSON is compressed. */
  kept: Sql;
  /** Of JSON, by reading it. */
  read: Sql;
}

/** What a row weighs whose parts were selected, by `expressions`, under these names. All else in it is small. */
export function weightOf(parts: readonly Part[], names: readonly Sql[]): Weight {
  const kinds = parts.flatMap(({ columns }) => columns.map(({ kind }) => kind));
  const sumOf = (sizeOfJson: (name: Sql) => Sql) => {
    const sizes = kinds.flatMap((kind, index) => {
      const name = names[index]!;
      if (kind === 'json') return [sizeOfJson(name)];
      return kind === 'text' || kind === 'text[]' ? [sql`octet_length(${name}::text)`] : [];
    });
    return sql.join([sql`0`, ...sizes.map((size) => sql`coalesce(${size}, 0)`)], sql` + `);
  };
  return {
    kept: sumOf((name) => sql`pg_column_size(${name})`),
    read: sumOf((name) => sql`octet_length(${name}::text)`),
  };
}

/** The JSON of each part, in their order; undefined for a part without a row. */
export function toJson(parts: readonly Part[], texts: Texts): (string | undefined)[] {
  let at = 0;
  return parts.map(({ columns }) => {
    const own = texts.slice(at, at + columns.length);
    at += columns.length;
    return own.some((text) => text !== null) ? rowToJson(columns, rowFromTexts(columns, own)) : undefined;
  });
}
