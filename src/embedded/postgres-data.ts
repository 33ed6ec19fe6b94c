// The data folder of the embedded Postgres: made once, whole or not at all.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makeSharedHome, type PostgresBinaries, SHARED_HOME } from './postgres-binaries.js';
import { serverEnvironment } from './server-process.js';
import { canReach, type ServerUser } from './server-user.js';

/** Where the data lie, and the superuser's password. */
export interface PostgresData {
  folder: string;
  password: string;
}

interface Making {
  sync: boolean;
  signal: AbortSignal | undefined;
}

const SCRATCH = 'postgres-unfinished-';

/**
 * The data folder under `home`, made by initdb if it is not there. As root, data that their user could not reach
 * lie in /var/lib/hookfold, behind a link in `home`. An initdb that was killed leaves a scratch folder only, which
 * the next call removes; one call at a time (the caller holds the lock of `home`). Throws where that link points to
 * nothing. New data are on disk when this resolves, unless `sync` is false: what the server commits later would not
 * outlive a power cut without them. `signal` ends initdb.
 */
export async function preparePostgresData(
  home: string,
  binaries: PostgresBinaries,
  user: ServerUser | undefined,
  { sync = true, signal }: { sync?: boolean; signal?: AbortSignal } = {},
): Promise<PostgresData> {
  const place = join(home, 'postgres');
  removeScratch(home);
  assertNotMissing(place);
  if (!existsSync(place)) await createData(home, place, binaries, user, { sync, signal });
  const folder = join(realpathSync(place), 'data');
  assertUsable(folder, binaries, user);
  return { folder, password: readFileSync(join(home, 'postgres-password'), 'utf8').trim() };
}

// A volume that is not mounted: a new, empty log in place of the one that is missed would answer its senders 401.
function assertNotMissing(place: string): void {
  const isLink = lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink();
  if (!isLink || existsSync(place)) return;
  throw new Error(
    `the data of Postgres are expected in ${readlinkSync(place)}, where the link ${place} points, and nothing is there. ` +
      'Mount or bring back that folder. To begin with an empty log instead, remove the link.',
  );
}

async function createData(
  home: string,
  place: string,
  binaries: PostgresBinaries,
  user: ServerUser | undefined,
  { sync, signal }: Making,
): Promise<void> {
  const password = randomBytes(24).toString('base64url');
  writeFileSync(join(home, 'postgres-password'), `${password}\n`, { mode: 0o600 });
  const scratch = makeScratch(home, user);
  const passwordFile = join(scratch, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [realpathSync(scratch), passwordFile]) chownSync(path, user.uid, user.gid);
  await runInitdb(
    binaries,
    join(realpathSync(scratch), 'data'),
    join(realpathSync(scratch), 'password'),
    user,
    { sync, signal },
  );
  unlinkSync(passwordFile);
  const folder = realpathSync(scratch);
  if (sync) for (const path of [join(home, 'postgres-password'), folder, dirname(folder)]) syncToDisk(path);
  renameSync(scratch, place);
  if (sync) syncToDisk(home);
}

function syncToDisk(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function makeScratch(home: string, user: ServerUser | undefined): string {
  const suffix = randomBytes(8).toString('hex');
  const scratch = join(home, SCRATCH + suffix);
  if (canReach(home, user)) {
    mkdirSync(scratch, { mode: 0o700 });
    return scratch;
  }
  makeSharedHome();
  symlinkSync(join(SHARED_HOME, suffix), scratch);
  mkdirSync(join(SHARED_HOME, suffix), { mode: 0o700 });
  return scratch;
}

function removeScratch(home: string): void {
  for (const name of readdirSync(home)) {
    if (!name.startsWith(SCRATCH)) continue;
    const path = join(home, name);
    if (existsSync(path)) rmSync(realpathSync(path), { recursive: true, force: true });
    rmSync(path, { recursive: true, force: true });
  }
}

async function runInitdb(
  binaries: PostgresBinaries,
  folder: string,
  passwordFile: string,
  user: ServerUser | undefined,
  { sync, signal }: Making,
): Promise<void> {
  const args = ['-D', folder, '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  args.push(
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(sync ? [] : ['--no-sync']),
  );
  try {
    await promisify(execFile)(join(binaries.folder, 'bin', 'initdb'), args, {
      cwd: '/',
      env: serverEnvironment(),
      ...user,
      signal,
      killSignal: 'SIGKILL', // It looks at others only between its steps.
    });
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw new Error(`initdb could not make the data folder ${folder}: ${said}`, { cause });
  }
}

function assertUsable(folder: string, binaries: PostgresBinaries, user: ServerUser | undefined): void {
  const made = Number(readFileSync(join(folder, 'PG_VERSION'), 'utf8'));
  if (made !== binaries.major)
    throw new Error(
      `the data in ${folder} are of Postgres ${made}, the installed one is ${binaries.major}. ` +
        'Move them with pg_upgrade or pg_dump, or set HOOKFOLD_DATA to a new folder.',
    );
  const owner = statSync(folder).uid;
  if (owner !== (user?.uid ?? process.geteuid?.()))
    throw new Error(
      `the data in ${folder} belong to user ${owner}, who made them at an earlier start. ` +
        'Start as the same user as before, or set HOOKFOLD_DATA to a new folder.',
    );
}
