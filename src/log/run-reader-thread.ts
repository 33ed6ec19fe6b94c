// The thread of a threaded run reader: told where to read, it reads, and hands the bytes over.
import { parentPort, workerData } from 'node:worker_threads';
import { createPool } from '../postgres/connect.js';
import { copyRun, type RunLimits } from './read-run.js';

export interface RunOrder {
  position: number;
  limits: RunLimits;
}

/** Rows as `copyOut` gives them, or what Postgres said. */
export type RunAnswer =
  | { bytes: ArrayBuffer; starts: Int32Array<ArrayBuffer> }
  | { error: { message: string; code: string | undefined } };

const port = parentPort!;
const pool = createPool(workerData as string, { max: 1 });

// One pool with one connection: what is asked for next is read next.
port.on('message', ({ position, limits }: RunOrder) => {
  copyRun(pool, position, limits).then(
    ({ bytes, starts }) => {
      const answer = { bytes: bytes.buffer as ArrayBuffer, starts };
      port.postMessage(answer satisfies RunAnswer, [answer.bytes, starts.buffer]);
    },
    ({ message, code }) => port.postMessage({ error: { message, code } } satisfies RunAnswer),
  );
});
