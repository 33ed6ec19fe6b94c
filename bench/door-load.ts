// Full load on a door, or on what is measured beside it, as a contestant.
import type { BenchDatabase, BenchOptions } from './bench.js';
import { createWebhooks } from './bodies.js';
import { fullLoad, loadGenerator } from './http-load.js';
import { type Contestant, checkpoint } from './in-turn.js';
import type { LoadAnswer } from './load-once.js';

export const CONNECTIONS = 128;
const SECONDS = 5;
const DISTINCT_BODIES = 5000;

export interface DoorLoad {
  /** Requests a second that are answered at `url`. Throws where one is answered with something other than a 2xx. */
  contestant(name: string, url: string): Contestant;
  /** The sizes. */
  about: string;
  /** What the load generator took of the processor in the turns until now. */
  cost(): string;
}

/** A load of the simulator's webhooks, after a checkpoint of `database` each time. */
export function createDoorLoad(
  { bodyBytes, seconds = SECONDS }: BenchOptions,
  { pool }: BenchDatabase,
): DoorLoad {
  const bodies = createWebhooks(bodyBytes).take(DISTINCT_BODIES);
  const answers: LoadAnswer[] = [];
  const contestant = (name: string, url: string): Contestant => ({
    name,
    unit: 'requests/s',
    prepare: () => checkpoint(pool),
    async run() {
      const answer = await fullLoad({ url, bodies, connections: CONNECTIONS, seconds });
      answers.push(answer);
      return rateOfAnswered(name, answer);
    },
  });
  const about = `${seconds} s a turn, ${CONNECTIONS} connections, ${DISTINCT_BODIES} distinct bodies of about ${bodyBytes} bytes`;
  return { contestant, about, cost: () => costOf(answers) };
}

/** Requests a second. Throws where one was answered with something other than a 2xx: refusing is fast. */
export function rateOfAnswered(name: string, { requests, seconds, failed }: LoadAnswer): number {
  if (failed > 0) throw new Error(`${name}: ${failed} requests without a 2xx`);
  return requests / seconds;
}

/** What the load generator took of the processor. */
export function costOf(answers: readonly LoadAnswer[]): string {
  const cores = answers.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds);
  const mean = cores.reduce((sum, value) => sum + value, 0) / cores.length;
  const late = answers.reduce((sum, answer) => sum + (answer.late ?? 0), 0);
  const waited = late > 0 ? `; ${late} times one waited for over two seconds` : '';
  return `load: ${loadGenerator()}, which took ${mean.toFixed(2)} of a core${waited}`;
}
