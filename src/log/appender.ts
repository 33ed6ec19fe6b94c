// Group commit. One commit is in flight; all that arrives meanwhile is the next batch. So a busy log pays for its
// lock and its flush once a batch, and an idle one adds no delay. A batch is sent before the one that was committed
// is answered: Postgres works while the answers are written. Where other processes append, it works for them, and the
// next batch gathers for a while; where none does, a batch leaves half of all that are under way for the next, or all
// would be in step: Postgres would wait while they are answered, and they for Postgres.
//
//   append ──▶ pending ──(commit free)──▶ batch ──▶ append_events ──(next batch sent)──▶ answers
//                                           │ refused data: halves, until the bad event is alone
//                                           │ the server said it was not committed, and why may be over: once more
//                                           └ any other fault: all that waits is answered with it, at once
import type pg from 'pg';
import { createPause } from '../pause.js';
import { sqlState } from '../postgres/failure.js';
import { createKeptConnection } from '../postgres/kept-connection.js';
import { type Appended, appendEvents, isRefusedEvent } from './append-events.js';
import { createGathering } from './gather.js';
import type { NewEvent } from './new-event.js';

export interface AppenderLimits {
  /** Events of one commit at the most. */
  batchEvents: number;
  /** Body bytes of one commit at the most (one larger event goes alone). */
  batchBytes: number;
}

/** The limits where none are given. */
const APPENDER_LIMITS: AppenderLimits = {
  batchEvents: 1000,
  batchBytes: 4 * 1024 * 1024,
};

/** Fewer events than these cost less than their commit does besides: they are not shared out. */
const FEW = 32;

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
  /**
   * Resolves after the commit that holds the event. Rejects with EventRefused or a fault of Postgres. How much waits is
   * bounded by the caller.
   */
  append(event: NewEvent): Promise<Appended>;
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>;
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
  const connection = createKeptConnection(pool);
  const gathering = createGathering();
  const pause = createPause();
  let pending: Waiting[] = [];
  let bytes = 0;
  let gatherMs = 0;
  /** Of the batch that was committed and is not answered yet. */
  let unanswered = 0;
  /** That many wait, and there is no need to gather any longer. */
  let enough = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;

  function append(event: NewEvent): Promise<Appended> {
    bytes += event.body.length;
    return new Promise<Appended>((resolve, reject) => {
      pending.push({ event, resolve, reject });
      if (pending.length >= enough || bytes >= limits.batchBytes) pause.end();
      running ??= run();
    });
  }

  async function run(): Promise<void> {
    // One turn of the event loop, so that requests read from their sockets together are committed together.
    await new Promise(setImmediate);
    let answer = nobody;
    while (pending.length > 0) {
      const batch = takeBatch();
      const committing = commit(batch);
      answer();
      answer = await committing;
      unanswered = batch.length;
      if (gatherMs === 0 || pending.length >= limits.batchEvents) continue;
      answer();
      answer = nobody;
      connection.giveBack(); // Ended while it is idle, it is the pool that replaces it.
      await gather();
    }
    connection.giveBack();
    gathering.idle();
    answer();
    unanswered = 0;
    running = undefined;
  }

  // Until all that were under way wait again, or a whole batch does, or their time is over. Nothing is in flight here.
  async function gather(): Promise<void> {
    if (bytes >= limits.batchBytes) return;
    enough = Math.min(unanswered + pending.length, limits.batchEvents);
    await pause.for(gatherMs);
    enough = Number.POSITIVE_INFINITY;
  }

  function takeBatch(): Waiting[] {
    const most = mostEvents();
    let size = 0;
    let count = 0;
    while (count < pending.length && count < most) {
      size += pending[count]!.event.body.length;
      if (count > 0 && size > limits.batchBytes) break;
      count += 1;
    }
    const batch = pending.slice(0, count);
    pending = pending.slice(count);
    return batch;
  }

  // Those that are answered come back, if their callers have more.
  function mostEvents(): number {
    const half = Math.ceil((unanswered + pending.length) / 2);
    return half < FEW || gathering.isShared() ? limits.batchEvents : Math.min(half, limits.batchEvents);
  }

  // Resolves, once all of the batch is decided, with what tells those that wait for it.
  async function commit(batch: Waiting[], isRetry = false): Promise<Answer> {
    const started = performance.now();
    gatherMs = 0;
    try {
      const events = batch.map(({ event }) => event);
      const answers = await connection.run((client) => appendEvents(client, events, { prepared: true }));
      const lastPosition = answers.reduce((last, { position }) => Math.max(last, position), 0);
      const ms = performance.now() - started;
      gatherMs = gathering.committed(answers, ms);
      observer?.committed(batch.length, ms / 1000, lastPosition);
      return () => settle(batch, ({ resolve }, index) => resolve(answers[index]!));
    } catch (error) {
      if (isRefusedEvent(error)) return separate(batch, error);
      if (!isRetry && isWorthRetrying(error)) return commit(batch, true);
      return failAll(batch, error);
    }
  }

  async function separate(batch: Waiting[], error: unknown): Promise<Answer> {
    if (batch.length === 1) return () => settle(batch, ({ reject }) => reject(new EventRefused(error)));
    const middle = batch.length >> 1;
    const answer = await commit(batch.slice(0, middle));
    answer();
    return commit(batch.slice(middle));
  }

  // Those that wait would meet the same fault one batch after the other: they are told now.
  function failAll(batch: Waiting[], error: unknown): Answer {
    const all = [...batch, ...pending];
    pending = [];
    observer?.failed(all.length, error);
    settle(all, ({ reject }) => reject(error));
    return nobody;
  }

  function settle(batch: readonly Waiting[], tell: (waiting: Waiting, index: number) => void): void {
    for (const { event } of batch) bytes -= event.body.length;
    batch.forEach(tell);
  }

  const idle = async () => {
    while (running) await running;
  };
  return { append, idle };
}

type Answer = () => void;

function nobody(): void {}

// A connection that was ended while idle, a failover, a deadlock: the server itself said that it did not commit, and
// another connection may do better. Where the connection broke without a word the commit may have happened, so it
// is not tried again: an event told as failed and logged all the same does no harm, one logged twice does.
function isWorthRetrying(error: unknown): boolean {
  return /^(57P0[123]|40...|25006)$/.test(sqlState(error) ?? '');
}
