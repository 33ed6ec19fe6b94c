// Conditions out of query strings: what was given, in the spelling in which it is stored.
import { sql } from 'kysely';
import { storableText } from '../../schemas/text.js';
import { type Sql, storedId } from './scope.js';

/** A column equals a text, where one is given. */
export function hasText(column: string, value: string | undefined): Sql[] {
  return value === undefined ? [] : [sql`${sql.ref(column)} = ${storableText(value)}`];
}

/** A column equals an id, where one is given; UUIDs in any spelling. */
export function hasId(column: string, value: string | undefined): Sql[] {
  return value === undefined ? [] : [sql`${sql.ref(column)} = ${storedId(value)}`];
}

/** A column equals a boolean, where one is given. */
export function hasFlag(column: string, value: boolean | undefined): Sql[] {
  return value === undefined ? [] : [sql`${sql.ref(column)} = ${value}::boolean`];
}
