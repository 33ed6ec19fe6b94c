import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { acquireLeaseOfSilent, type HeldLease, releaseLease, renewLease } from '../../postgres/lease.js';

/** Another process is at work on the same rebuild. */
export class RebuildRunning extends Error {
  readonly code = 'HOOKFOLD_REBUILD_RUNNING';
  constructor(readonly projection: string) {
    super(`a rebuild of ${projection} is running already. Follow it with hookfold status.`);
  }
}

/** The leases of a running rebuild. */
export interface RebuildHold {
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
  const held: { name: string; lease: HeldLease }[] = [];
  const release = async () => {
    clearInterval(timer);
    for (const { name, lease } of held) await releaseLease(pool, { name, owner, ...lease });
  };
  const renew = async () => {
    for (const { name, lease } of held) await renewLease(pool, { name, owner, ttlMs: TTL_MS, ...lease });
  };
  const timer = setInterval(() => {
    renew().catch((error) => logger.warn({ err: error }, 'the lease of a rebuild could not be renewed'));
  }, TTL_MS / 3);
  try {
    for (const { name: projection, version } of versions) {
      const name = `rebuild:${projection}:v${version}`;
      const lease = await acquireLeaseOfSilent(pool, { name, owner, ttlMs: TTL_MS }, waiting);
      if (!lease) throw new RebuildRunning(projection);
      held.push({ name, lease });
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}
