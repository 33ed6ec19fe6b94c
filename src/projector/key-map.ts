import type { Key } from '../../projections/contract.js';

type Level<Value> = Map<string | null, Value | Level<Value>>;

/** Values by key. */
export interface KeyMap<Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
  /** Lets go of the values that `isKept` says no of. */
  sweep(isKept: (value: Value) => boolean): void;
}

/**
 * An empty map of keys of `width` parts: a map a part, since joining the parts to one text and finding its hash takes
 * longer than looking up each. Neighbours differ in the last part only: the map that holds it is remembered.
 */
export function createKeyMap<Value>(width: number): KeyMap<Value> {
  const root: Level<Value> = new Map();
  const last = width - 1;
  let prefix: Key = [];
  let leaf: Map<string | null, Value> | undefined;

  function leafOf(key: Key): Map<string | null, Value> {
    if (leaf !== undefined && isSamePrefix(key)) return leaf;
    let level = root;
    for (let part = 0; part < last; part++) {
      let next = level.get(key[part]!) as Level<Value> | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(key[part]!, next);
      }
      level = next;
    }
    prefix = key;
    leaf = level as Map<string | null, Value>;
    return leaf;
  }

  function isSamePrefix(key: Key): boolean {
    for (let part = 0; part < last; part++) if (key[part] !== prefix[part]) return false;
    return true;
  }

  function sweepLevel(level: Level<Value>, part: number, isKept: (value: Value) => boolean): void {
    for (const [name, below] of level) {
      if (part === last) {
        if (!isKept(below as Value)) level.delete(name);
        continue;
      }
      sweepLevel(below as Level<Value>, part + 1, isKept);
      if ((below as Level<Value>).size === 0) level.delete(name);
    }
  }

  return {
    get: (key) => leafOf(key).get(key[last]!),
    set: (key, value) => void leafOf(key).set(key[last]!, value),
    sweep(isKept) {
      leaf = undefined; // It may be cut off from the root.
      sweepLevel(root, 0, isKept);
    },
  };
}
