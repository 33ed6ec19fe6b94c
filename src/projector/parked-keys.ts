/** Key ids with a parked event, each with its first position. */
export type ParkedKeys = Pick<Map<string, number>, 'get' | 'set' | 'size'>;

/** Parked keys that a page adds to, and that can be taken back where the page is not committed. */
export interface ParkedTrial extends ParkedKeys {
  undo(): void;
}

/** A trial over `keys`: what it parks is there at once, and gone again after `undo`. */
export function tryParked(keys: Map<string, number>): ParkedTrial {
  const added: string[] = [];
  return {
    get size() {
      return keys.size;
    },
    get: (id) => keys.get(id),
    set(id, position) {
      if (!keys.has(id)) added.push(id);
      return keys.set(id, position);
    },
    undo() {
      for (const id of added) keys.delete(id);
    },
  };
}
