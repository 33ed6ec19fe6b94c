// A row's key: as one string, for maps, and what it is of.
import type { AnyRow, Key, Projection } from './contract.js';

/** One string for a key: two keys share it only if they are equal, part by part; null differs from every text. */
export function keyId(key: Key): string {
  let id = '';
  for (const part of key) id += part === null ? '-' : `${part.length}:${part}`;
  return id;
}

/** The key of a row: the values of its projection's key columns. */
export function keyOfRow(projection: Projection, row: AnyRow): Key {
  return projection.keyColumns.map((column) => row[column] as string | null);
}

/** Whether every row is one resource's: its key tells which, so that its events can be read without the others. */
export const isKeyedByResource = ({ keyColumns }: Projection) =>
  keyColumns.join() === 'integration_id,type,resource_id';
