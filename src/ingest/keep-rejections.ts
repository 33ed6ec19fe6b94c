// Writes what the door rejects, beside the way of good requests: one insert at a time, what comes meanwhile is the
// next, and all that waits is bounded. The sender is answered after the commit; what cannot be kept is refused.
import { setInterval } from 'node:timers';
import type pg from 'pg';
import type { BaseLogger } from 'pino';
import { pruneRejected, REJECTED_BOUNDS, type RejectedBounds } from '../log/prune-rejected.js';
import { keepRejected, type NewRejected } from '../log/rejected.js';

export interface RejectionKeeper {
  /** Resolves once it is kept: true; false where it could not be. */
  keep(rejected: NewRejected): Promise<boolean>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface RejectionKeeperOptions {
  pool: pg.Pool;
  logger: Pick<BaseLogger, 'info' | 'warn'>;
  bounds?: RejectedBounds;
}

/** Bytes that may wait. */
const WAITING_BYTES = 16 * 1024 * 1024;
const PRUNE_EVERY_MS = 60_000;
const BATCH = 100;
const BATCH_BYTES = 8 * 1024 * 1024;

interface Waiting {
  rejected: NewRejected;
  answer(kept: boolean): void;
}

/** A keeper, which prunes once it is started; its `stop` resolves when nothing waits. */
export function createRejectionKeeper(options: RejectionKeeperOptions): RejectionKeeper {
  const { pool, logger, bounds = REJECTED_BOUNDS } = options;
  const waiting: Waiting[] = [];
  let bytes = 0;
  let sincePrune = 0;
  let running: Promise<void> | undefined;
  let pruning: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = new AbortController();

  function keep(rejected: NewRejected): Promise<boolean> {
    const size = rejected.body.length + 1024;
    if (bytes > 0 && bytes + size > WAITING_BYTES) return Promise.resolve(false);
    bytes += size;
    return new Promise((resolve) => {
      const answer = (kept: boolean) => {
        bytes -= size;
        resolve(kept);
      };
      waiting.push({ rejected, answer });
      running ??= write();
    });
  }

  async function write(): Promise<void> {
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const batch = takeBatch();
      const kept = await tryToKeep(batch);
      if (!kept) batch.push(...waiting.splice(0)); // They would wait for the same fault in turn.
      for (const { answer } of batch) answer(kept);
      pruneWhereDue();
    }
    running = undefined;
  }

  function takeBatch(): Waiting[] {
    let size = 0;
    let count = 0;
    while (count < waiting.length && count < BATCH) {
      size += waiting[count]!.rejected.body.length;
      if (count > 0 && size > BATCH_BYTES) break;
      count += 1;
    }
    sincePrune += size;
    return waiting.splice(0, count);
  }

  async function tryToKeep(batch: Waiting[]): Promise<boolean> {
    try {
      await keepRejected(
        pool,
        batch.map(({ rejected }) => rejected),
      );
      return true;
    } catch (error) {
      logger.warn({ err: error }, 'rejected requests cannot be kept: answering 503');
      return false;
    }
  }

  function pruneWhereDue(): void {
    if (sincePrune > bounds.totalBytes / 8 && !stopping.signal.aborted) prune();
  }

  // What comes while it runs may be more than it saw.
  function prune(): void {
    if (pruning) return;
    sincePrune = 0;
    pruning = pruneRejected(pool, bounds, stopping.signal)
      .then((count) => count > 0 && logger.info({ count }, 'removed old rejected requests'))
      .catch((error) => logger.warn({ err: error }, 'old rejected requests cannot be removed'))
      .then(() => {
        pruning = undefined;
        pruneWhereDue();
      });
  }

  return {
    keep,
    async start() {
      if (stopping.signal.aborted) stopping = new AbortController();
      timer ??= setInterval(prune, PRUNE_EVERY_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      stopping.abort();
      while (running) await running;
      while (pruning) await pruning;
    },
  };
}
