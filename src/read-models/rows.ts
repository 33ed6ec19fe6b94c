// Rows of a build's table: many at once, in one statement, by their keys.
import type pg from 'pg';
import type { AnyRow, Key, Projection } from '../../projections/contract.js';
import { binaryArray, type Element, ValueRefused } from '../postgres/binary-array.js';
import { TEXT_TYPES } from '../postgres/connect.js';
import { type CopiedColumn, copyIn } from '../postgres/copy-in.js';
import type { Statement } from '../postgres/pipeline.js';
import { type Column, columnsOf, elementType, rowFromTexts, selected } from './columns.js';

/**
 * Reads rows of one projection in one table, and makes the statements that write them. A value that its column cannot
 * take throws ValueRefused, before anything is sent.
 */
export interface RowTable {
  /** The rows of these keys that exist, each with its key's index in `keys`. */
  load(client: pg.ClientBase | pg.Pool, keys: readonly Key[]): Promise<[index: number, row: AnyRow][]>;
  /** Writes rows whose keys are new to the table: a conflict fails. */
  insert(rows: readonly AnyRow[]): Statement;
  /** The same by COPY, on a connection that is not pipelined. */
  copy(client: pg.ClientBase, rows: readonly AnyRow[]): Promise<void>;
  /** Writes rows, replacing those of the same keys. */
  upsert(rows: readonly AnyRow[]): Statement;
  /** Remove the rows of these keys. */
  remove(keys: readonly Key[]): Statement[];
}

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');

// Row by row, so that each is in the processor's cache while its columns are taken.
function arrays(columns: readonly Column[], rows: readonly AnyRow[]): Buffer[] {
  const values = columns.map(() => new Array<Element>(rows.length));
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    for (let index = 0; index < columns.length; index++) {
      const { name, kind } = columns[index]!;
      const value = (row[name] ?? null) as Element;
      values[index]![at] = kind === 'text[]' && value !== null ? JSON.stringify(value) : value;
    }
  }
  return columns.map((column, index) => encoded(column, values[index]!));
}

function encoded({ name, kind }: Column, values: readonly Element[]): Buffer {
  try {
    return binaryArray(elementType(kind), values);
  } catch (error) {
    throw error instanceof ValueRefused ? new ValueRefused(`column ${name}: ${error.message}`) : error;
  }
}

function copiedColumn({ name, kind }: Column): CopiedColumn<AnyRow> {
  const read = (row: AnyRow) => (row[name] ?? null) as Element;
  if (kind !== 'text[]') return { name: `"${name}"`, type: elementType(kind), read };
  const readList = (row: AnyRow) => (row[name] ? binaryArray('text', row[name] as string[]) : null);
  return { name: `"${name}"`, type: 'bytea', read: readList };
}

const parameter = ({ kind }: Column, index: number) => `$${index + 1}::${elementType(kind)}[]`;

const unnested = (columns: readonly Column[]) =>
  `unnest(${columns.map(parameter).join(', ')}) WITH ORDINALITY AS u(${quoted(columns.map(({ name }) => name))}, nth)`;

// In the select list the rows stream; `unnest` of several arrays in FROM would first copy all of them.
const streamed = (columns: readonly Column[]) =>
  `(SELECT ${columns.map((column, index) => `unnest(${parameter(column, index)}) AS "${column.name}"`).join(', ')}) AS u`;

const TEXT_LIST = 'ARRAY(SELECT json_array_elements_text(u."$"::json))';
const stored = ({ name, kind }: Column) => (kind === 'text[]' ? TEXT_LIST.replace('$', name) : `u."${name}"`);

/** Keys that are null in the same parts: their indices in `keys`, and which parts. */
type Alike = [indices: number[], nulls: readonly boolean[]];

// `=` and IS NULL can use the key's index, what tells both in one operator cannot; so keys with a null in them, which are
// rare, go in statements of their own.
function alike(keys: readonly Key[]): Alike[] {
  const groups = new Map<number, Alike>();
  for (let index = 0; index < keys.length; index++) {
    let parts = 0;
    for (const part of keys[index]!) parts = parts * 2 + (part === null ? 1 : 0);
    const group = groups.get(parts);
    if (group) group[0].push(index);
    else groups.set(parts, [[index], keys[index]!.map((part) => part === null)]);
  }
  return [...groups.values()];
}

const joinedBy = (columns: readonly Column[], nulls: readonly boolean[]) =>
  columns
    .map(({ name }, part) => (nulls[part] ? `t."${name}" IS NULL` : `t."${name}" = u."${name}"`))
    .join(' AND ');

/** The rows of `projection` in the table `table` (schema-qualified). */
export function createRowTable(projection: Projection, table: string): RowTable {
  const columns = columnsOf(projection);
  const keyColumns = columns.filter(({ name }) => projection.keyColumns.includes(name));
  const others = columns.filter((column) => !keyColumns.includes(column));
  const copied = columns.map(copiedColumn);
  const names = quoted(columns.map(({ name }) => name));
  const insert = `INSERT INTO ${table} (${names}) SELECT ${columns.map(stored).join(', ')} FROM ${streamed(columns)}`;
  const replaced = others.map(({ name }) => `"${name}" = EXCLUDED."${name}"`).join(', ');
  const select = `SELECT u.nth, ${columns.map((column) => selected(column, 't.')).join(', ')} FROM ${unnested(keyColumns)}`;
  const keyArrays = (keys: readonly Key[], indices: readonly number[]): Buffer[] =>
    keyColumns.map(({ kind }, part) =>
      binaryArray(
        elementType(kind),
        indices.map((index) => keys[index]![part]!),
      ),
    );

  return {
    async load(client, keys) {
      const found: [number, AnyRow][] = [];
      for (const [indices, nulls] of alike(keys)) {
        const text = `${select} JOIN ${table} t ON ${joinedBy(keyColumns, nulls)}`;
        const values = keyArrays(keys, indices);
        const result = await client.query({ text, values, rowMode: 'array', types: TEXT_TYPES });
        for (const [nth, ...texts] of result.rows as unknown as [string, ...(string | null)[]][])
          found.push([indices[Number(nth) - 1]!, rowFromTexts(columns, texts)]);
      }
      return found;
    },
    insert: (rows) => ({ text: insert, values: arrays(columns, rows) }),
    copy: (client, rows) => copyIn(client, table, copied, rows),
    upsert(rows) {
      const text = `${insert} ON CONFLICT (${quoted(projection.keyColumns)}) DO UPDATE SET ${replaced}`;
      return { text, values: arrays(columns, rows) };
    },
    remove: (keys) =>
      alike(keys).map(([indices, nulls]) => {
        const text = `DELETE FROM ${table} t USING ${unnested(keyColumns)} WHERE ${joinedBy(keyColumns, nulls)}`;
        return { text, values: keyArrays(keys, indices) };
      }),
  };
}
