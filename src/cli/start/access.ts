// The first source and the first API key. Only digests of them are in the database, so what was made on the first
// start is kept beside the data, readable by its owner only, to be shown on request.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { addSource, listSources } from '../../log/source-change.js';
import { isTokenInUse } from '../../log/source-secret.js';
import { createPool } from '../../postgres/connect.js';
import { addKey, isKeyInUse, listKeys } from '../../query/api-key.js';

/** The first source is named for the sender that hookfold is made for. */
export const FIRST_SOURCE = 'munity';
const FIRST_KEY = 'first';

/** What was made in one database; undefined where it was made elsewhere, or does not hold any more. */
interface Secrets {
  token?: string;
  key?: string;
}

/** `isNew` on the start that made some of it. */
export interface Access extends Secrets {
  isNew: boolean;
}

/** Those of the last start, and those of other databases that this home was started on. */
interface AccessFile extends Secrets {
  others?: Secrets[];
}

/**
 * What this home keeps for this database, as far as it holds there. Makes the first source and an admin key in a database
 * that never had one: a source of that name or any key, in use or revoked, is left as it is, and its secret is not known
 * here.
 */
export async function ensureAccess(home: string, databaseUrl: string): Promise<Access> {
  const pool = createPool(databaseUrl, { max: 1 });
  try {
    const { own, others } = await findOwn(pool, readFile(home) ?? {});
    const made = { ...(own.token ? {} : await makeSource(pool)), ...(own.key ? {} : await makeKey(pool)) };
    writeFile(home, { ...own, ...made, others });
    return { isNew: Object.keys(made).length > 0, ...own, ...made };
  } finally {
    await pool.end();
  }
}

/** What the last start in `home` had, if there was one. */
export function readAccess(home: string): Access | undefined {
  const file = readFile(home);
  if (!file) return undefined;
  const { others, ...own } = file;
  return { isNew: false, ...own };
}

// A database has no name that lasts: it is known again by what holds in it.
async function findOwn(pool: pg.Pool, { others = [], ...last }: AccessFile) {
  const all: Secrets[] = [last, ...others];
  for (const one of all) {
    const own: Secrets = {};
    if (one.token && (await isTokenInUse(pool, FIRST_SOURCE, one.token))) own.token = one.token;
    if (one.key && (await isKeyInUse(pool, one.key))) own.key = one.key;
    if (own.token || own.key) return { own, others: all.filter((other) => other !== one && isSome(other)) };
  }
  return { own: {}, others: all.filter(isSome) };
}

const isSome = ({ token, key }: Secrets) => token !== undefined || key !== undefined;

async function makeSource(pool: pg.Pool): Promise<Secrets> {
  const sources = await listSources(pool);
  if (sources.some(({ name }) => name === FIRST_SOURCE)) return {};
  const { token } = await addSource(pool, FIRST_SOURCE);
  return { token: token! };
}

async function makeKey(pool: pg.Pool): Promise<Secrets> {
  if ((await listKeys(pool)).length > 0) return {};
  const { key } = await addKey(pool, { name: FIRST_KEY, admin: true });
  return { key };
}

function readFile(home: string): AccessFile | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(home), 'utf8'));
  } catch {
    return undefined;
  }
}

function writeFile(home: string, file: AccessFile): void {
  writeFileSync(`${pathOf(home)}.part`, `${JSON.stringify(file)}\n`, { mode: 0o600 });
  renameSync(`${pathOf(home)}.part`, pathOf(home));
}

function pathOf(home: string): string {
  return join(home, 'access.json');
}
