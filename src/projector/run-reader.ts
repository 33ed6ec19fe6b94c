// Who reads runs of the log for a fold, and looks at the bodies: this thread, or one of its own.
import { Worker } from 'node:worker_threads';
import type pg from 'pg';
import { scanBodies } from '../../projections/scan-bodies.js';
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { addScan, toFoldedEvents } from '../log/copied-event.js';
import { createFoldedRunCopier, type Run, type RunLimits } from '../log/read-run.js';
import type { RunAnswer, RunOrder } from './run-reader-thread.js';

/** The events after a position, in order, without a gap, within the limits; one at least, if there is one. */
export type RunReader = (position: number, limits: RunLimits) => Promise<Run<FoldedEvent>>;

/** A reader on the connections of a pool (not a pipelined one). */
export function createRunReader(pool: pg.Pool): RunReader {
  const copyRun = createFoldedRunCopier(pool);
  return async (position, limits) => {
    const run = await copyRun(position, limits);
    const events = toFoldedEvents(run);
    return { events: addScan(events, scanBodies(events, events.length)), isFull: run.isFull };
  };
}

/** A reader that has a thread of its own. */
export interface ThreadedRunReader {
  read: RunReader;
  /** Ends the thread. What is being read then is answered by a rejection. */
  close(): Promise<void>;
}

// Bytes go from the socket into buffers that are handed over: next to nothing lives long here.
const LIMITS = { maxYoungGenerationSizeMb: 16 };

/**
 * A reader on a connection and in a thread of its own, for a fold that is busier than its thread: what comes from the
 * socket is taken apart elsewhere, bodies are looked at there, and all is handed over without a copy. Runs are read in the order asked for. Where the
 * thread that made it ends, so does this one.
 */
export function createThreadedRunReader(databaseUrl: string): ThreadedRunReader {
  const thread = new Worker(new URL('./run-reader-thread.js', import.meta.url), {
    workerData: databaseUrl,
    resourceLimits: LIMITS,
  });
  let waiting: PromiseWithResolvers<RunAnswer>[] = [];
  let ended: Error | undefined;
  const failAll = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting) reject(error);
    waiting = [];
  };
  thread.on('message', (answer: RunAnswer) => waiting.shift()!.resolve(answer));
  thread.on('error', failAll);
  thread.on('exit', () => failAll(new Error('the thread that reads the log has ended')));

  return {
    async read(position, limits) {
      if (ended) throw ended;
      const answer = promiseWithResolvers<RunAnswer>();
      waiting.push(answer);
      thread.postMessage({ position, limits } satisfies RunOrder);
      const run = await answer.promise;
      if ('error' in run) throw Object.assign(new Error(run.error.message), run.error);
      const { bytes, starts, isFull, marks, openings } = run;
      const events = toFoldedEvents({ bytes: Buffer.from(bytes), starts });
      return { events: addScan(events, { marks, openings, texts: [] }), isFull };
    },
    close: async () => void (await thread.terminate()),
  };
}

interface PromiseWithResolvers<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

// `Promise.withResolvers` comes with Node 22.
function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  let settle!: Omit<PromiseWithResolvers<T>, 'promise'>;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
