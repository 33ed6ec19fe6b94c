// Leases: which of many processes does a piece of work. One statement each, timed by the database's clock alone.
// A lease spares double work; safety never rests on it (a process that was stopped for a minute still believes
// in its own until it looks): what a holder writes is guarded by compare-and-set as well.
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { migrate } from './migrate.js';

type Queryable = pg.Pool | pg.ClientBase;

/** A lease's name and who asks for it; owners are unique for each holder, not for each machine. */
export interface LeaseClaim {
  name: string;
  owner: string;
  /** Time to live in milliseconds, 10,000 at the most. */
  ttlMs: number;
}

/** A lease that is held: `epoch` rises with every acquisition of that name. */
export interface HeldLease {
  epoch: number;
}

/** The longest time to live: so long may work lie idle after a holder's death. */
const LONGEST_TTL_MS = 10_000;
const LOOK_EVERY_MS = 200;

/**
 * A condition on a lease's row: nobody holds it. That is so as well of one that ends later than any can that was taken
 * lately: the clock was set back since, and its owner may be dead. Twice the longest time, since `now()` is that of the
 * transaction's begin, which may have waited.
 */
export const isFree = (lease: string) =>
  `(${lease}.expires_at <= now() OR ${lease}.expires_at > now() + interval '${2 * LONGEST_TTL_MS} milliseconds')`;

/** Brings the lease table of a database up to date; see `migrate`. */
export function migrateLeases(databaseUrl: string): Promise<string[]> {
  return migrate(databaseUrl, { name: 'lease', folder: 'src/postgres/migrations' });
}

/** Takes a lease that is free or has expired. Undefined while another owner holds it. */
export async function acquireLease(db: Queryable, claim: LeaseClaim): Promise<HeldLease | undefined> {
  if (claim.ttlMs > LONGEST_TTL_MS)
    throw new RangeError(`a lease lives ${LONGEST_TTL_MS} ms at the most, not ${claim.ttlMs}`);
  const result = await db.query(
    `INSERT INTO hookfold.lease AS held (name, owner, epoch, expires_at)
     VALUES ($1, $2, 1, now() + $3 * interval '1 millisecond')
     ON CONFLICT (name) DO UPDATE
       SET owner = excluded.owner, epoch = held.epoch + 1, expires_at = excluded.expires_at
       WHERE ${isFree('held')} OR held.owner = excluded.owner
     RETURNING epoch`,
    [claim.name, claim.owner, claim.ttlMs],
  );
  const row = result.rows[0];
  return row && { epoch: Number(row.epoch) };
}

/**
 * Takes a lease as `acquireLease` does, and where its owner is silent waits for its expiry: a process that was killed
 * gives nothing back. Undefined as soon as the owner renews it or gives it back, and so lives.
 */
export async function acquireLeaseOfSilent(
  db: Queryable,
  claim: LeaseClaim,
  { signal, onWait }: { signal?: AbortSignal | undefined; onWait?(): void } = {},
): Promise<HeldLease | undefined> {
  const first = await readExpiry(db, claim.name);
  if (first?.held) onWait?.();
  for (let now = first; now?.held; ) {
    await delay(LOOK_EVERY_MS, undefined, { signal });
    now = await readExpiry(db, claim.name);
    if (now?.until !== first?.until) return undefined;
  }
  return acquireLease(db, claim);
}

async function readExpiry(
  db: Queryable,
  name: string,
): Promise<{ until: string; held: boolean } | undefined> {
  const { rows } = await db.query(
    `SELECT expires_at::text AS until, NOT ${isFree('l')} AS held FROM hookfold.lease l WHERE name = $1`,
    [name],
  );
  return rows[0];
}

/** Prolongs a lease by its time to live from now. False when it has expired or is another's: it is lost then. */
export async function renewLease(db: Queryable, claim: LeaseClaim & HeldLease): Promise<boolean> {
  const result = await db.query(
    `UPDATE hookfold.lease SET expires_at = now() + $4 * interval '1 millisecond'
     WHERE name = $1 AND owner = $2 AND epoch = $3 AND expires_at > now()`,
    [claim.name, claim.owner, claim.epoch, claim.ttlMs],
  );
  return result.rowCount === 1;
}

/** Gives a lease back, so that the next owner need not wait for its expiry. Does nothing if it is lost already. */
export async function releaseLease(
  db: Queryable,
  held: Pick<LeaseClaim, 'name' | 'owner'> & HeldLease,
): Promise<void> {
  await db.query(
    `UPDATE hookfold.lease SET expires_at = '-infinity' WHERE name = $1 AND owner = $2 AND epoch = $3`,
    [held.name, held.owner, held.epoch],
  );
}
