// Keeps one lease: acquires it when it is free, renews it at a third of its time, notices its loss by itself.
// The local end is counted on the monotonic clock from before the statement was sent, the database's from when it
// ran: so the holder knows of its loss before another can acquire.
import { hostname } from 'node:os';
import type pg from 'pg';
import type { BaseLogger } from 'pino';
import { v7 as uuidV7 } from 'uuid';
import type { Service } from '../service.js';
import { acquireLease, releaseLease, renewLease } from './lease.js';

export interface LeaseHolderOptions {
  pool: pg.Pool;
  name: string;
  /** Default 6000, 10,000 at the most. */
  ttlMs?: number | undefined;
  logger: Pick<BaseLogger, 'info' | 'warn'>;
  onAcquired?(epoch: number): void;
  /** Called once for each loss (expiry or another owner), not after `stop`. */
  onLost?(): void;
}

export interface LeaseHolder extends Service {
  /** True while the lease is held for certain. */
  held(): boolean;
  /** The epoch of the held lease. */
  epoch(): number | undefined;
  /** Why the last attempt learnt nothing of the lease; undefined where it did, whoever holds it. */
  failure(): unknown;
}

/** A holder that is not running. `start` resolves after the first attempt; `stop` gives the lease back. */
export function createLeaseHolder(options: LeaseHolderOptions): LeaseHolder {
  const { pool, name, ttlMs = 6000, logger } = options;
  const claim = { name, ttlMs, owner: `${hostname()}:${process.pid}:${uuidV7()}` };
  let lease: { epoch: number; heldUntil: number } | undefined;
  let renewal: NodeJS.Timeout | undefined;
  let expiry: NodeJS.Timeout | undefined;
  let attempt: Promise<void> | undefined;
  let running = false;
  let failure: unknown;

  const held = () => lease !== undefined && performance.now() < lease.heldUntil;

  function keep(epoch: number, sentAt: number): void {
    const acquired = lease?.epoch !== epoch;
    lease = { epoch, heldUntil: sentAt + ttlMs };
    clearTimeout(expiry);
    expiry = setTimeout(lose, Math.max(0, lease.heldUntil - performance.now()));
    if (!acquired) return;
    logger.info({ lease: name, epoch }, 'lease acquired');
    options.onAcquired?.(epoch);
  }

  function lose(): void {
    if (lease === undefined) return;
    clearTimeout(expiry);
    logger.warn({ lease: name, epoch: lease.epoch }, 'lease lost');
    lease = undefined;
    options.onLost?.();
  }

  async function tryOnce(): Promise<void> {
    const sentAt = performance.now();
    try {
      if (lease !== undefined && held()) {
        const renewed = await renewLease(pool, { ...claim, epoch: lease.epoch });
        if (renewed && lease !== undefined) keep(lease.epoch, sentAt);
        else lose();
      } else {
        lose();
        const acquired = await acquireLease(pool, claim);
        if (acquired) keep(acquired.epoch, sentAt);
      }
      failure = undefined;
    } catch (error) {
      if (failure === undefined) logger.warn({ err: error, lease: name }, 'the lease cannot be looked at');
      failure = error;
    }
  }

  async function run(): Promise<void> {
    attempt = tryOnce();
    await attempt;
    if (running) renewal = setTimeout(run, held() ? ttlMs / 3 : ttlMs / 6);
  }

  async function start(): Promise<void> {
    if (running) return;
    running = true;
    await run();
  }

  async function stop(): Promise<void> {
    if (!running) return;
    running = false;
    clearTimeout(renewal);
    await attempt;
    clearTimeout(expiry);
    const given = lease;
    lease = undefined;
    if (given) await releaseLease(pool, { ...claim, epoch: given.epoch }).catch(() => {});
  }

  return { start, stop, held, epoch: () => (held() ? lease?.epoch : undefined), failure: () => failure };
}
