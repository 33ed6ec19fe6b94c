import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { acquireLease, type HeldLease, releaseLease, renewLease } from '../../postgres/lease.js';

/** The leases of a running rebuild. */
export interface RebuildHold {
  release(): Promise<void>;
}

const TTL_MS = 10_000;

/**
 * Takes the rebuild leases of projections, all or none, and renews them until released. Throws where another rebuild
 * holds one. They spare double work; the checkpoints' compare-and-set keeps the rows right without.
 */
export async function holdRebuild(
  pool: pg.Pool,
  projections: readonly Projection[],
  logger: FastifyBaseLogger,
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
  for (const projection of projections) {
    const name = `rebuild:${projection.name}:v${projection.version}`;
    const lease = await acquireLease(pool, { name, owner, ttlMs: TTL_MS });
    if (lease) held.push({ name, lease });
    else {
      await release();
      throw new Error(
        `a rebuild of ${projection.name} is running already. Follow it with hookfold status; ` +
          `if its process was killed, its lease is free after ${TTL_MS / 1000} seconds.`,
      );
    }
  }
  return { release };
}
