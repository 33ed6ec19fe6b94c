// The thread of a threaded relay: runs the relay, and does what it is told.
import { parentPort, workerData } from 'node:worker_threads';
import { Registry } from 'prom-client';
import { createLogger } from '../logging.js';
import { createRelayService } from './relay-service.js';

export interface RelayOrder {
  databaseUrl: string;
  natsUrl: string;
  logLevel: string;
}

/** What it is told: the log was appended to; say your metrics; stop. */
export type RelayWord =
  | { kind: 'ring'; position: number }
  | { kind: 'metrics'; question: number }
  | { kind: 'stop' };

/** What it says. */
export type RelayAnswer = { kind: 'metrics'; question: number; text: string } | { kind: 'stopped' };

const { databaseUrl, natsUrl, logLevel } = workerData as RelayOrder;
const port = parentPort!;
const metrics = new Registry();
const relay = createRelayService({
  databaseUrl,
  natsUrl,
  logger: createLogger(logLevel, 'ingest'),
  metrics,
});
const say = (answer: RelayAnswer) => port.postMessage(answer);

port.on('message', async (word: RelayWord) => {
  switch (word.kind) {
    case 'ring':
      return relay.ring(word.position);
    case 'metrics':
      return say({ kind: 'metrics', question: word.question, text: await metrics.metrics() });
    case 'stop':
      await relay.stop();
      return say({ kind: 'stopped' });
  }
});
await relay.start();
