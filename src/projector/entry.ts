import type { AnyRow, Key } from '../../projections/contract.js';
import { keyId } from '../../projections/key.js';

/** What a row takes beside its texts, estimated. */
export const ROW_BYTES = 250;

/** What is held of a key. */
export class Entry {
  /** As it is after what was folded; undefined where there is none. Changed by `set` only. */
  row: AnyRow | undefined = undefined;
  /** Estimated bytes of the row. */
  bytes = ROW_BYTES;
  /** Whether it is known what the table has of this key. */
  loaded = false;
  /** Whether the table has a row of this key. */
  stored = false;
  dirty = false;

  constructor(
    readonly key: Key,
    /** The generation in which it was last asked for. */
    public generation: number,
    /** Whether Postgres can have a row of this key; if not, it is never loaded. */
    readonly isStorable: boolean,
  ) {}

  /** A text that only this key has. */
  get id(): string {
    return keyId(this.key);
  }
}

/** An order in which neighbours in the table's index, or nearly so, come together. */
export function byKey({ key: a }: Entry, { key: b }: Entry): number {
  for (let part = 0; part < a.length; part++)
    if (a[part] !== b[part]) return (a[part] ?? '') < (b[part] ?? '') ? -1 : 1;
  return 0;
}

/** Whether two keys are equal, part by part. */
export function isSameKey(a: Key, b: Key): boolean {
  for (let part = 0; part < a.length; part++) if (a[part] !== b[part]) return false;
  return true;
}
