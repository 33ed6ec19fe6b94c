// The first source and the first API key. Only digests of them are in the database, so what was made on the first
// start is kept beside the data, readable by its owner only, to be shown on request.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { addSource, listSources } from '../../log/source-change.js';
import { createPool } from '../../postgres/connect.js';
import { addKey, listKeys } from '../../query/api-key.js';

/** The first source is named for the sender that hookfold is made for. */
export const FIRST_SOURCE = 'munity';
const FIRST_KEY = 'first';

/** Secrets as they were made; undefined where they were made elsewhere. `isNew` on the start that made them. */
export interface Access {
  isNew: boolean;
  token?: string;
  key?: string;
}

/**
 * Makes the first source and an admin key if this home has none yet. Where the database has a source of that name or
 * a key already, it is left as it is, and its secret is not known here.
 */
export async function ensureAccess(home: string, databaseUrl: string): Promise<Access> {
  const known = readAccess(home);
  if (known) return known;
  const pool = createPool(databaseUrl, { max: 1 });
  try {
    const access = { ...(await makeSource(pool)), ...(await makeKey(pool)) };
    writeFileSync(`${pathOf(home)}.part`, `${JSON.stringify(access)}\n`, { mode: 0o600 });
    renameSync(`${pathOf(home)}.part`, pathOf(home));
    return { isNew: true, ...access };
  } finally {
    await pool.end();
  }
}

async function makeSource(pool: pg.Pool): Promise<{ token?: string }> {
  const sources = await listSources(pool);
  if (sources.some(({ name }) => name === FIRST_SOURCE)) return {};
  const { token } = await addSource(pool, FIRST_SOURCE);
  return { token: token! };
}

async function makeKey(pool: pg.Pool): Promise<{ key?: string }> {
  const keys = await listKeys(pool);
  if (keys.some(({ revoked_at }) => revoked_at === null)) return {};
  const { key } = await addKey(pool, { name: FIRST_KEY, admin: true });
  return { key };
}

/** What the first start in `home` made, if there was one. */
export function readAccess(home: string): Access | undefined {
  try {
    return { isNew: false, ...JSON.parse(readFileSync(pathOf(home), 'utf8')) };
  } catch {
    return undefined;
  }
}

function pathOf(home: string): string {
  return join(home, 'access.json');
}
