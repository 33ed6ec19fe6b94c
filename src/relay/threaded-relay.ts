// The relay in a thread of its own, so that what it reads and publishes never takes the time of the thread that
// answers webhooks. Whatever ends the thread, the door goes on, and the relay is started again.
import { Worker } from 'node:worker_threads';
import type { BaseLogger } from 'pino';
import type { Service } from '../service.js';
import type { RelayAnswer, RelayOrder, RelayWord } from './relay-thread.js';
import { within } from './within.js';

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
    try {
      thread = launch();
    } catch (error) {
      startAgain(error as Error);
    }
  }

  function launch(): Worker {
    const launched = new Worker(new URL('./relay-thread.js', import.meta.url), {
      workerData: order satisfies RelayOrder,
      resourceLimits: LIMITS,
    });
    let failure: Error | undefined;
    launched.on('message', hear);
    launched.on('error', (error) => {
      failure = error;
    });
    launched.on('exit', () => {
      if (thread === launched) startAgain(failure); // Else it was stopped.
    });
    return launched;
  }

  function startAgain(failure: Error | undefined): void {
    logger.error({ err: failure, restartMs: RESTART_MS }, 'the relay ended; it is started again');
    thread = undefined;
    restart = setTimeout(run, RESTART_MS);
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
    const answer = new Promise<string>((resolve) => questions.set(question, resolve));
    tell({ kind: 'metrics', question });
    const text = await within(ANSWER_MS, answer, '');
    questions.delete(question);
    return text;
  }

  async function stop(): Promise<void> {
    clearTimeout(restart);
    restart = undefined;
    const stopping = thread;
    thread = undefined;
    if (!stopping) return;
    const stopped = new Promise<void>((resolve) => {
      onStopped = resolve;
      stopping.once('exit', resolve);
    });
    stopping.postMessage({ kind: 'stop' } satisfies RelayWord);
    await within(STOP_MS, stopped, undefined);
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
