import type { Key, Projection } from '../../projections/contract.js';
import { binaryArray, type ElementType, ValueRefused } from '../postgres/binary-array.js';
import { columnsOf, elementType } from '../read-models/columns.js';

/** A function that says whether Postgres can have a row of a key of this projection. */
export function createKeyCheck(projection: Projection): (key: Key) => boolean {
  const kinds = new Map(columnsOf(projection).map(({ name, kind }) => [name, kind]));
  const types = projection.keyColumns.map((name) => elementType(kinds.get(name)!));
  return (key) => key.every((part, index) => part === null || isStorable(types[index]!, part));
}

function isStorable(type: ElementType, part: string): boolean {
  // Nearly every part is a text: no array is made of each.
  if (type === 'text') return typeof part === 'string' && part.isWellFormed() && !part.includes('\0');
  try {
    binaryArray(type, [part]);
    return true;
  } catch (error) {
    if (error instanceof ValueRefused) return false;
    throw error;
  }
}
