// The relay in a thread of its own, so that what it reads and publishes never takes the time of the thread that
// answers webhooks. Whatever ends the thread, the door goes on, and the relay is started again.
import { Worker } from 'node:worker_threads';
import type { BaseLogger } from 'pino';
import type { Service } from '../service.js';
import type { RelayAnswer, RelayOrder, RelayWord } from './relay-thread.js';

export interface ThreadedRelayOptions extends RelayOrder {
  logger: Pick<BaseLogger, 'error'>;
}

export interface ThreadedRelay extends Service {
  /** The log was appended to, up to `position`: publishes soon, and rings the doorbell. */
  ring(position: number): void;
  /** The relay's metrics as Prometheus reads them; empty where the thread does not answer within a second. */
  metrics(): Promise<string>;
}

const RESTART_MS = 1000;
const ANSWER_MS = 1000;
const STOP_MS = 5000;
// Bodies pass as bytes: what lives in V8's heap is small and short-lived.
const LIMITS = { maxYoungGenerationSizeMb: 16 };

/** A relay that does not run yet. `start` does not wait for Postgres or NATS; `stop` ends the thread. */
export function createThreadedRelay({ logger, ...order }: ThreadedRelayOptions): ThreadedRelay {
  const questions = new Map<number, (text: string) => void>();
  let asked = 0;
  let thread: Worker | undefined;
  let restart: NodeJS.Timeout | undefined;
  let onStopped = () => {};

  function run(): void {
    restart = undefined;
    const mine = new Worker(new URL('./relay-thread.js', import.meta.url), {
      workerData: order satisfies RelayOrder,
      resourceLimits: LIMITS,
    });
    thread = mine;
    let failure: Error | undefined;
    mine.on('message', hear);
    mine.on('error', (error) => {
      failure = error;
    });
    mine.on('exit', () => {
      if (thread !== mine) return; // It was stopped.
      logger.error({ err: failure, restartMs: RESTART_MS }, 'the relay ended; it is started again');
      thread = undefined;
      restart = setTimeout(run, RESTART_MS);
    });
  }

  function hear(answer: RelayAnswer): void {
    if (answer.kind === 'stopped') onStopped();
    else questions.get(answer.question)?.(answer.text);
  }

  function tell(word: RelayWord): void {
    thread?.postMessage(word);
  }

  async function metrics(): Promise<string> {
    if (!thread) return '';
    const question = ++asked;
    const text = await within(ANSWER_MS, '', (resolve) => {
      questions.set(question, resolve);
      tell({ kind: 'metrics', question });
    });
    questions.delete(question);
    return text;
  }

  async function stop(): Promise<void> {
    clearTimeout(restart);
    restart = undefined;
    const stopping = thread;
    thread = undefined;
    if (!stopping) return;
    await within(STOP_MS, undefined, (resolve) => {
      onStopped = () => resolve(undefined);
      stopping.once('exit', onStopped);
      stopping.postMessage({ kind: 'stop' } satisfies RelayWord);
    });
    await stopping.terminate();
  }

  return {
    start: async () => {
      if (!thread && !restart) run();
    },
    stop,
    ring: (position) => tell({ kind: 'ring', position }),
    metrics,
  };
}

/** What `work` resolves with, or `otherwise` after `ms`. */
function within<T>(ms: number, otherwise: T, work: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, otherwise);
    work((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
