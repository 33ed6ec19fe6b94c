// API keys in the log's database: who may ask, and about which workspaces.
import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { normaliseUuid, storableText } from '../../schemas/text.js';
import { sqlState } from '../postgres/failure.js';

/** What is known of a key; never the key. */
export interface ApiKey {
  name: string;
  /** Those whose rows it sees; of an admin key none means all. */
  workspaces: string[];
  /** Sees the operational routes. */
  admin: boolean;
  created_at: string;
  revoked_at: string | null;
  /** To the minute. */
  last_used_at: string | null;
}

const COLUMNS = 'name, workspaces, admin, created_at, revoked_at, last_used_at';

/** A key of this name is in use already. */
class KeyNameTaken extends Error {
  readonly code = 'HOOKFOLD_KEY_NAME_TAKEN';
  constructor(readonly keyName: string) {
    super(`a key named ${JSON.stringify(keyName)} is in use. Revoke it first, or choose another name.`);
  }
}

/** SHA-256 of a key: the form in which it is kept and looked up. */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * Makes a key for these workspaces (ids in any spelling); an admin key without any sees all. The key itself is
 * answered here and nowhere again. Throws `KeyNameTaken`.
 */
export async function addKey(
  pool: pg.Pool,
  { name, workspaces = [], admin = false }: { name: string; workspaces?: readonly string[]; admin?: boolean },
): Promise<{ name: string; key: string }> {
  if (!admin && workspaces.length === 0)
    throw new Error('a key needs at least one workspace to look at, or admin for all of them');
  const key = `hfk_${randomBytes(32).toString('base64url')}`;
  const ids = workspaces.map((id) => storableText(normaliseUuid(id)));
  try {
    await pool.query('INSERT INTO api_key (name, key_hash, workspaces, admin) VALUES ($1, $2, $3, $4)', [
      name,
      hashKey(key),
      [...new Set(ids)],
      admin,
    ]);
  } catch (error) {
    throw sqlState(error) === '23505' ? new KeyNameTaken(name) : error;
  }
  return { name, key };
}

/** Ends a key; running processes notice within a second. False where no key of this name is in use. */
export async function revokeKey(pool: pg.Pool, name: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'UPDATE api_key SET revoked_at = now() WHERE name = $1 AND revoked_at IS NULL',
    [name],
  );
  return rowCount === 1;
}

/** All keys, revoked ones too, oldest first. */
export async function listKeys(pool: pg.Pool): Promise<ApiKey[]> {
  const { rows } = await pool.query(`SELECT ${COLUMNS} FROM api_key ORDER BY created_at, name`);
  return rows;
}

/** True while `key` holds. */
export async function isKeyInUse(pool: pg.Pool, key: string): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT FROM api_key WHERE key_hash = $1 AND revoked_at IS NULL', [
    hashKey(key),
  ]);
  return rowCount !== 0;
}
