// A row's key: as one string, for maps, and what it is of.
import type { AnyRow, Key, Projection } from './contract.js';

/** One string for a key: two keys share it only if they are equal, part by part; null differs from every text. */
export function keyId(key: Key): string {
  let id = '';
  for (const part of key) id += part === null ? '-' : `${part.length}:${part}`;
  return id;
}

/** The key that `keyId` made one string of. */
export function keyOfId(id: string): Key {
  const key: (string | null)[] = [];
  for (let at = 0; at < id.length; ) {
    const colon = id[at] === '-' ? -1 : id.indexOf(':', at);
    const end = colon < 0 ? at + 1 : colon + 1 + Number(id.slice(at, colon));
    key.push(colon < 0 ? null : id.slice(colon + 1, end));
    at = end;
  }
  return key;
}

/** The key of a row: the values of its projection's key columns. */
export function keyOfRow(projection: Projection, row: AnyRow): Key {
  return projection.keyColumns.map((column) => row[column] as string | null);
}

/** Whether every row is one resource's: its key tells which, so that its events can be read without the others. */
export const isKeyedByResource = ({ keyColumns }: Projection) =>
  keyColumns.join() === 'integration_id,type,resource_id';
