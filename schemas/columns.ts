// The column kinds of a read model. One schema a row gives the TypeScript type, the Postgres column and the
// JSON of the query API. JSON columns hold the text as received, so that no number loses a digit on the way.
import { type TSchema, type TUnsafe, Type } from '@sinclair/typebox';

/** JSON as text, exactly as the sender wrote it. */
export type JsonText = string & { readonly json: unique symbol };

/** What a column holds in Postgres. */
export type ColumnKind = 'text' | 'text[]' | 'bigint' | 'boolean' | 'timestamptz' | 'json';

function column<T>(kind: ColumnKind, schema: Record<string, unknown>): TUnsafe<T> {
  return Type.Unsafe<T>({ ...schema, column: kind });
}

const orNull = (type: string) => ({ type: [type, 'null'] });

export const text = (description = '') => column<string>('text', { type: 'string', description });
export const nullableText = (description = '') =>
  column<string | null>('text', { ...orNull('string'), description });
export const textList = (description = '') =>
  column<string[]>('text[]', { type: 'array', items: { type: 'string' }, description });
export const oneOf = <T extends string>(...values: T[]) =>
  column<T>('text', { type: 'string', enum: values });
export const integer = (description = '') => column<number>('bigint', { type: 'integer', description });
export const nullableInteger = (description = '') =>
  column<number | null>('bigint', { ...orNull('integer'), description });
export const bool = (description = '') => column<boolean>('boolean', { type: 'boolean', description });
/** RFC 3339 in UTC with milliseconds: `2026-11-23T22:46:00.123Z`. */
export const instant = (description = '') =>
  column<string>('timestamptz', { type: 'string', format: 'date-time', description });
export const nullableInstant = (description = '') =>
  column<string | null>('timestamptz', { ...orNull('string'), format: 'date-time', description });
export const json = (description = '') => column<JsonText | null>('json', { description });
export const jsonList = (description = '') => column<JsonText>('json', { type: 'array', description });

/** The column kind that a row schema's property declares. */
export function columnKind(property: TSchema): ColumnKind {
  return (property as TSchema & { column: ColumnKind }).column;
}
