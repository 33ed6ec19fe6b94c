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

/** Bytes of a row's JSON columns, which alone can be large. Postgres answers this without reading them. */
export function weight(parts: readonly Part[]): Sql {
  const sizes = parts.flatMap(({ alias, columns }) =>
    columns
      .filter(({ kind }) => kind === 'json')
      .map(({ name }) => sql`coalesce(octet_length(${sql.ref(`${alias}.${name}`)}::text), 0)`),
  );
  return sizes.length === 0 ? sql`0` : sql.join(sizes, sql` + `);
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
