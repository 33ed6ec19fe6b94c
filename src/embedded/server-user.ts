// Postgres refuses to run as root, and the user it runs as instead may not enter root's folders.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The account that Postgres is run as, where that is not our own. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** Undefined for an ordinary user; for root, the account to run Postgres as on the data in `home`, if there are any. */
export function findServerUser(home?: string): ServerUser | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const data = home === undefined ? undefined : join(home, 'postgres', 'data');
  const owner = data === undefined ? undefined : statSync(data, { throwIfNoEntry: false })?.uid;
  return chooseServerUser(readFileSync('/etc/passwd', 'utf8'), owner);
}

/**
 * Of the accounts `postgres` and `nobody`, in the form of /etc/passwd, the one that is `owner`, else the first that
 * exists: a package that brings `postgres` later must not part us from data that `nobody` made. Throws where neither
 * exists.
 */
export function chooseServerUser(accounts: string, owner: number | undefined): ServerUser {
  const lines = accounts.split('\n');
  const users = ['postgres', 'nobody'].flatMap((name) => {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    return fields ? [{ uid: Number(fields[2]), gid: Number(fields[3]) }] : [];
  });
  const user = users.find(({ uid }) => uid === owner) ?? users[0];
  if (user) return user;
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
