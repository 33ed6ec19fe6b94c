// One import into a source at a time: two of one file would append it twice. By a lease, not by a lock of the session,
// which behind a transaction pooler stays with a connection that others use. A lease alone does not hold a process that
// was suspended and wakes: so each batch takes it anew in its own transaction, and where another import had it
// meanwhile its epoch has moved on, and the batch is void.
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { acquireLease, acquireLeaseOfSilent, type LeaseClaim, releaseLease } from '../../postgres/lease.js';

/** What lets an import into `source` append; `epoch` is that of its last commit. */
export interface ImportLease {
  source: string;
  claim: LeaseClaim;
  epoch: number;
}

const TTL_MS = 6000;

/** Takes the lease of a source; one that was killed is waited for, six seconds at the most. Throws where one runs. */
export async function takeImportLease(pool: pg.Pool, source: string): Promise<ImportLease> {
  const claim = { name: `import:${source}`, owner: randomUUID(), ttlMs: TTL_MS };
  const lease = await acquireLeaseOfSilent(pool, claim);
  if (!lease) throw new Error(`another import into ${source} is running; wait for its end`);
  return { source, claim, epoch: lease.epoch };
}

/**
 * Prolongs it in the transaction of a batch; answers its epoch from the commit on, until which no other import can take
 * it. Throws where another has had it since the last.
 */
export async function prolongImportLease(
  client: pg.ClientBase,
  { source, claim, epoch }: ImportLease,
): Promise<number> {
  const again = await acquireLease(client, claim);
  if (again?.epoch === epoch + 1) return again.epoch;
  throw new Error(`this import stood still, and another into ${source} has gone on`);
}

/** Gives it back. Where the database is away it expires. */
export async function releaseImportLease(pool: pg.Pool, { claim, epoch }: ImportLease): Promise<void> {
  await releaseLease(pool, { ...claim, epoch }).catch(() => {});
}
