import type { Parked } from './fold-page.js';

/** Key ids with a parked event, each with its first position. */
export type ParkedKeys = Pick<Map<string, number>, 'get' | 'set'>;

/** Parked keys that a page adds to, with `base` left as it is until the page is committed. */
export function overlayParked(base: ParkedKeys): ParkedKeys {
  const added = new Map<string, number>();
  return {
    get: (id) => base.get(id) ?? added.get(id),
    set: (id, position) => added.set(id, position),
  };
}

/** Adds what a committed page has parked. */
export function keepParked(keys: ParkedKeys, parked: readonly Parked[]): void {
  for (const { key_id, position } of parked) if (keys.get(key_id) === undefined) keys.set(key_id, position);
}
