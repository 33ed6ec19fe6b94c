// Where a page ended, as the text that asks for the next one. Opaque to callers; what comes back is checked.
import { Problem } from '../http/problem.js';
import { toInstant } from './instant.js';

/** The last row's key: texts, as Postgres writes them. */
export type Key = readonly (string | null)[];

/** The kind of each part of a key. */
export type KeyPart = 'text' | 'position' | 'instant';

/** A key as a cursor of the list `list`. */
export function toCursor(list: string, key: Key): string {
  return Buffer.from(JSON.stringify([list, ...key])).toString('base64url');
}

const FORMS: Record<KeyPart, RegExp> = {
  text: /^[^\0]*$/s,
  position: /^\d{1,16}$/,
  instant: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/,
};

/** The key of a cursor that `toCursor` made for the same list. Throws a problem (400) for any other text. */
export function fromCursor(list: string, parts: readonly KeyPart[], cursor: string): Key {
  const [made, ...key] = parse(cursor);
  const fits =
    made === list && key.length === parts.length && key.every((value, index) => isPart(parts[index]!, value));
  if (fits) return key as Key;
  throw new Problem(400, 'bad-cursor', 'cursor: expected the next_cursor of an answer to this same list');
}

function isPart(part: KeyPart, value: unknown): boolean {
  if (value === null) return part === 'text';
  if (typeof value !== 'string' || !value.isWellFormed() || !FORMS[part].test(value)) return false;
  return part !== 'instant' || toInstant(value.replace(/\+00$/, 'Z')) !== undefined;
}

function parse(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
