// The keys in use, kept in memory for a second: a revoked key ends within it, a new one works at once.
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { hashKey } from './api-key.js';
import type { Caller } from './scope.js';

/** A key may be this old in memory before it is read again. */
const FRESH_MS = 1000;
/** While the database cannot be asked, keys that are this old still open. */
const USABLE_MS = 5000;
/** A key that nobody knows makes the ring read again, but not more often than this: those who guess wait. */
const RELOAD_MS = 50;
const NOTE_USE_MS = 60_000;

export interface KeyRing {
  /** Who asks with this key; undefined for a key that is unknown or revoked. Throws what Postgres says. */
  find(key: string): Promise<Caller | undefined>;
}

interface KnownKey extends Caller {
  noted: number;
}

/** Keys of the log's database. Look-ups go by the key's SHA-256: how long they take tells nothing about any key. */
export function createKeyRing(pool: pg.Pool): KeyRing {
  let known = new Map<string, KnownKey>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    const startedAt = performance.now();
    const { rows } = await pool.query(
      "SELECT encode(key_hash, 'hex') AS hash, name, workspaces, admin FROM api_key WHERE revoked_at IS NULL",
    );
    known = new Map(
      rows.map(({ hash, name, workspaces, admin }) => {
        const scope = admin && workspaces.length === 0 ? 'all' : workspaces;
        return [hash, { name, admin, scope, noted: known.get(hash)?.noted ?? 0 }];
      }),
    );
    loadedAt = startedAt;
  }

  function reload(): Promise<void> {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  async function refresh(): Promise<void> {
    const age = performance.now() - loadedAt;
    if (age < FRESH_MS) return;
    await reload().catch((error) => {
      if (age > USABLE_MS) throw error;
    });
  }

  async function findNew(id: string): Promise<KnownKey | undefined> {
    await delay(Math.max(0, RELOAD_MS - (performance.now() - loadedAt)));
    if (!known.has(id)) await reload();
    return known.get(id);
  }

  function noteUse(hash: Buffer, key: KnownKey): void {
    if (Date.now() - key.noted < NOTE_USE_MS) return;
    key.noted = Date.now();
    // Lost where the database is away: it is a hint for people, and never worth failing an answer.
    pool.query('SELECT note_api_key_use($1)', [hash]).catch(() => {});
  }

  return {
    async find(key) {
      const hash = hashKey(key);
      const id = hash.toString('hex');
      await refresh();
      const found = known.get(id) ?? (await findNew(id));
      if (found) noteUse(hash, found);
      return found;
    },
  };
}
