import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import {
  acquireLease,
  acquireLeaseOfSilent,
  type HeldLease,
  type LeaseClaim,
  releaseLease,
  renewLease,
} from '../../postgres/lease.js';

/** Another process is at work on the same rebuild. */
export class RebuildRunning extends Error {
  readonly code = 'HOOKFOLD_REBUILD_RUNNING';
  constructor(
    readonly projection: string,
    found = `a rebuild of ${projection} is running already`,
  ) {
    super(`${found}. Follow it with hookfold status.`);
  }
}

/** The leases of a running rebuild. */
export interface RebuildHold {
  /** Aborted, with RebuildRunning as its reason, when another process took one of them: the work is its own then. */
  signal: AbortSignal;
  release(): Promise<void>;
}

export interface HoldOptions {
  logger: FastifyBaseLogger;
  signal?: AbortSignal | undefined;
  /** Told where a lease is held by a process that may have been killed. */
  onWait?(): void;
}

const TTL_MS = 10_000;

/**
 * Takes the rebuild leases of versions of projections, each named once, all or none, and renews them until released.
 * One whose process was killed is waited for, ten seconds at the most. Throws RebuildRunning where another is at work.
 * They spare double work; the checkpoints' compare-and-set keeps the rows right without.
 */
export async function holdRebuild(
  pool: pg.Pool,
  versions: readonly { name: string; version: number }[],
  { logger, ...waiting }: HoldOptions,
): Promise<RebuildHold> {
  const owner = randomUUID();
  const leases = createKeptLeases(pool, logger);
  // In one order for everyone: of two that want the same, one gets all of it.
  const ordered = [...versions].sort((a, b) => (a.name < b.name ? -1 : 1));
  try {
    for (const { name: projection, version } of ordered) {
      const claim = { name: `rebuild:${projection}:v${version}`, owner, ttlMs: TTL_MS };
      const lease = await acquireLeaseOfSilent(pool, claim, waiting);
      if (!lease) throw new RebuildRunning(projection);
      leases.keep({ projection, claim, lease });
    }
    leases.signal.throwIfAborted();
  } catch (error) {
    await leases.release();
    throw error;
  }
  return leases;
}

interface KeptLease {
  projection: string;
  claim: LeaseClaim;
  lease: HeldLease;
}

/** Renews what it is given to keep at a third of its time, until released. */
function createKeptLeases(pool: pg.Pool, logger: FastifyBaseLogger) {
  const kept = new Set<KeptLease>();
  const lost = new AbortController();
  let renewing: Promise<void> | undefined;

  async function renew(): Promise<void> {
    for (const each of kept) {
      if (await prolong(pool, each, logger)) continue;
      kept.delete(each);
      const reason = takenOver(each.projection);
      logger.warn(reason.message);
      lost.abort(reason);
    }
  }
  // One at a time: of two that waited for a frozen database the later would ask with the epoch before the earlier's.
  const timer = setInterval(() => {
    renewing ??= renew()
      .catch((error) => logger.warn({ err: error }, 'the lease of a rebuild could not be renewed'))
      .finally(() => {
        renewing = undefined;
      });
  }, TTL_MS / 3);

  async function release(): Promise<void> {
    clearInterval(timer);
    await renewing; // What it acquires anew is given back as well.
    for (const { claim, lease } of kept) await releaseLease(pool, { ...claim, ...lease });
  }
  return { signal: lost.signal, keep: (lease: KeptLease) => void kept.add(lease), release };
}

// A database that stood still for longer than the time to live lets the lease of a rebuild expire that goes on after.
async function prolong(pool: pg.Pool, kept: KeptLease, logger: FastifyBaseLogger): Promise<boolean> {
  const { projection, claim, lease } = kept;
  if (await renewLease(pool, { ...claim, ...lease })) return true;
  const again = await acquireLease(pool, claim);
  if (!again) return false;
  kept.lease = again;
  logger.warn({ projection, ...again }, 'the lease of a rebuild had expired, and was taken again');
  return true;
}

const takenOver = (projection: string) =>
  new RebuildRunning(
    projection,
    `this rebuild of ${projection} ends: its lease expired before the database let it be renewed, and another ` +
      'process took it',
  );
