// Group commit. One commit is in flight; all that arrives meanwhile is the next batch. So a busy log pays for its
// lock and its flush once a batch, and an idle one adds no delay.
//
//   append ──▶ pending ──(commit free)──▶ batch ──▶ append_events ──▶ answers
//                                           │ refused data: halves, until the bad event is alone
//                                           │ the server said it was not committed, and why may be over: once more
//                                           └ any other fault: all that waits is answered with it, at once
import type pg from 'pg';
import { isRefusedData, sqlState } from '../postgres/failure.js';
import { type Appended, appendEvents } from './append-events.js';
import type { NewEvent } from './new-event.js';

export interface AppenderLimits {
  /** Events of one commit at the most. */
  batchEvents: number;
  /** Body bytes of one commit at the most (one larger event goes alone). */
  batchBytes: number;
  /** Body bytes waiting or in flight at the most; beyond, `append` throws `AppenderFull`. */
  pendingBytes: number;
}

/** The limits where none are given. */
export const APPENDER_LIMITS: AppenderLimits = {
  batchEvents: 1000,
  batchBytes: 4 * 1024 * 1024,
  pendingBytes: 64 * 1024 * 1024,
};

/** There is no room in memory for one more event: the caller answers 503. */
export class AppenderFull extends Error {
  readonly code = 'HOOKFOLD_APPENDER_FULL';
  constructor(readonly pendingBytes: number) {
    super(`${pendingBytes} bytes of events wait for their commit already`);
  }
}

/** Postgres refuses this one event, whatever its neighbours: sending it again would not help. */
export class EventRefused extends Error {
  readonly code = 'HOOKFOLD_EVENT_REFUSED';
  constructor(override readonly cause: unknown) {
    super('the database refuses this event');
  }
}

/** What an appender did, for metrics. */
export interface AppenderObserver {
  /** `lastPosition` is the highest position that the commit answered. */
  committed(events: number, seconds: number, lastPosition: number): void;
  failed(events: number, error: unknown): void;
}

export interface Appender {
  /** Resolves after the commit that holds the event. Rejects with AppenderFull, EventRefused or a fault of Postgres. */
  append(event: NewEvent): Promise<Appended>;
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>;
  /** Body bytes waiting or in flight. */
  pendingBytes(): number;
}

interface Waiting {
  event: NewEvent;
  resolve(appended: Appended): void;
  reject(error: unknown): void;
}

export interface AppenderOptions {
  pool: pg.Pool;
  limits?: Partial<AppenderLimits>;
  observer?: AppenderObserver;
}

/** An appender on a pool, which the caller ends once the appender is idle. */
export function createAppender({ pool, limits: given, observer }: AppenderOptions): Appender {
  const limits = { ...APPENDER_LIMITS, ...given };
  let pending: Waiting[] = [];
  let bytes = 0;
  let running: Promise<void> | undefined;

  function append(event: NewEvent): Promise<Appended> {
    if (bytes > 0 && bytes + event.body.length > limits.pendingBytes)
      return Promise.reject(new AppenderFull(bytes));
    bytes += event.body.length;
    return new Promise<Appended>((resolve, reject) => {
      pending.push({ event, resolve, reject });
      running ??= run();
    });
  }

  async function run(): Promise<void> {
    // One turn of the event loop, so that requests read from their sockets together are committed together.
    await new Promise(setImmediate);
    while (pending.length > 0) {
      const batch = takeBatch();
      await commit(batch);
      for (const { event } of batch) bytes -= event.body.length;
    }
    running = undefined;
  }

  function takeBatch(): Waiting[] {
    let size = 0;
    let count = 0;
    while (count < pending.length && count < limits.batchEvents) {
      size += pending[count]!.event.body.length;
      if (count > 0 && size > limits.batchBytes) break;
      count += 1;
    }
    const batch = pending.slice(0, count);
    pending = pending.slice(count);
    return batch;
  }

  async function commit(batch: Waiting[], isRetry = false): Promise<void> {
    const started = performance.now();
    try {
      const answers = await appendEvents(
        pool,
        batch.map(({ event }) => event),
      );
      const lastPosition = answers.reduce((last, { position }) => Math.max(last, position), 0);
      observer?.committed(batch.length, (performance.now() - started) / 1000, lastPosition);
      for (const [index, waiting] of batch.entries()) waiting.resolve(answers[index]!);
    } catch (error) {
      if (isRefusedData(error)) await separate(batch, error);
      else if (!isRetry && isWorthRetrying(error)) await commit(batch, true);
      else failAll(batch, error);
    }
  }

  async function separate(batch: Waiting[], error: unknown): Promise<void> {
    if (batch.length === 1) return batch[0]!.reject(new EventRefused(error));
    const middle = batch.length >> 1;
    await commit(batch.slice(0, middle));
    await commit(batch.slice(middle));
  }

  // Those that wait would meet the same fault one batch after the other: they are told now.
  function failAll(batch: Waiting[], error: unknown): void {
    const waiting = pending;
    pending = [];
    for (const { event } of waiting) bytes -= event.body.length;
    observer?.failed(batch.length + waiting.length, error);
    for (const { reject } of [...batch, ...waiting]) reject(error);
  }

  const idle = async () => {
    while (running) await running;
  };
  return { append, idle, pendingBytes: () => bytes };
}

// A connection that was ended while idle, a failover, a deadlock: the server itself said that it did not commit, and
// another connection may do better. Where the connection broke without a word the commit may have happened, so it
// is not tried again: an event told as failed and logged all the same does no harm, one logged twice does.
function isWorthRetrying(error: unknown): boolean {
  return /^(57P0[123]|40...|25006)$/.test(sqlState(error) ?? '');
}
