// Postgres refuses to run as root, and the user it runs as instead may not enter root's folders.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The account that Postgres is run as, where that is not our own. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** Undefined for an ordinary user; for root, the first of the accounts `postgres` and `nobody` that exists. */
export function findServerUser(): ServerUser | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = accounts.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error(
    'Postgres refuses to run as root, and neither the user postgres nor nobody exists to run it as. ' +
      'Start hookfold as an ordinary user, or set DATABASE_URL to a Postgres of your own.',
  );
}

/** True if `user` may enter every folder on the way to `path` and read what is there (by its mode bits). */
export function canReach(path: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true;
  let at = realpathSync(path);
  if (!allows(at, user, 0o4)) return false;
  for (;;) {
    const parent = dirname(at);
    if (parent === at) return true;
    if (!allows(parent, user, 0o1)) return false;
    at = parent;
  }
}

function allows(path: string, user: ServerUser, bits: number): boolean {
  const { mode, uid, gid } = statSync(path);
  if (uid === user.uid) return ((mode >> 6) & bits) === bits;
  if (gid === user.gid) return ((mode >> 3) & bits) === bits;
  return (mode & bits) === bits;
}
