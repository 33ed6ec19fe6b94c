import type { TObject } from '@sinclair/typebox';

/** Makes a copy of a row, to be changed before it is answered. */
export type CopyRow<Row> = (row: Row) => Row;

/**
 * A copier of rows of this schema: a function that names every column, as one would write it by hand. `{ ...row }` and
 * `Object.assign` take V8 five to fifty times as long for rows of so many columns that come from here and there.
 */
export function createCopyRow<Row>(schema: TObject): CopyRow<Row> {
  const columns = Object.keys(schema.properties).map((name) => JSON.stringify(name));
  const members = columns.map((name) => `${name}: row[${name}]`).join(', ');
  return new Function('row', `return { ${members} };`) as CopyRow<Row>;
}
