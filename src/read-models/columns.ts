// A row's columns, from its projection's schema: their names, their kinds, and their forms in Postgres and in JSON.
import type { AnyRow, Projection } from '../../projections/contract.js';
import { type ColumnKind, columnKind } from '../../schemas/columns.js';
import type { ElementType } from '../postgres/binary-array.js';
import { instantFromPostgres } from '../postgres/connect.js';

export interface Column {
  name: string;
  kind: ColumnKind;
}

/** All columns of a projection's table, in order. */
export function columnsOf(projection: Projection): Column[] {
  return Object.entries(projection.row.properties).map(([name, property]) => ({
    name,
    kind: columnKind(property),
  }));
}

/** The columns that the view and the API show. */
export function shownColumns(projection: Projection): Column[] {
  return columnsOf(projection).filter(({ name }) => !projection.internal.includes(name));
}

const ELEMENT: Record<ColumnKind, ElementType> = {
  text: 'text',
  'text[]': 'text',
  bigint: 'int8',
  boolean: 'bool',
  timestamptz: 'timestamptz',
  json: 'json',
};

/** The element type under which a column travels in an array parameter; a text[] travels as JSON. */
export const elementType = (kind: ColumnKind): ElementType => ELEMENT[kind];

/** Selects a column in the form that `fromText` reads. */
export function selected({ name, kind }: Column, alias = ''): string {
  const column = `${alias}"${name}"`;
  return kind === 'text[]' ? `to_json(${column})::text AS "${name}"` : column;
}

/** A value of a column, from the text that Postgres sent. */
function fromText(kind: ColumnKind, text: string | null): unknown {
  if (text === null) return null;
  switch (kind) {
    case 'bigint':
      return Number(text);
    case 'boolean':
      return text === 't';
    case 'timestamptz':
      return instantFromPostgres(text);
    case 'text[]':
      return JSON.parse(text);
    default:
      return text;
  }
}

/** A row from the texts of `columns`, in their order. */
export function rowFromTexts(columns: readonly Column[], texts: readonly (string | null)[]): AnyRow {
  const row: AnyRow = {};
  for (let index = 0; index < columns.length; index++)
    row[columns[index]!.name] = fromText(columns[index]!.kind, texts[index]!);
  return row;
}

/** A row as the API shows it: JSON columns as the text they are, all others as JSON writes them. */
export function rowToJson(columns: readonly Column[], row: AnyRow): string {
  const members = columns.map(({ name, kind }) => {
    const value = row[name] ?? null;
    return `"${name}":${kind === 'json' && value !== null ? value : JSON.stringify(value)}`;
  });
  return `{${members.join(',')}}`;
}
