// The thread of a threaded run reader: told where to read, it reads, looks at the bodies, and hands all of it over.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { scanBodies } from '../../projections/scan-bodies.js';
import type { BodyScan } from '../../schemas/body-scan.js';
import { bodiesOf, lastPosition } from '../log/copied-event.js';
import { type CopiedRun, createFoldedRunCopier, type RunLimits } from '../log/read-run.js';
import { createPatientPool, PAGE_PATIENCE } from '../postgres/patience.js';

export interface RunOrder {
  position: number;
  limits: RunLimits;
}

/** Rows as `copyOut` gives them and what their bodies hold, or what Postgres said. */
export type RunAnswer =
  | ({ bytes: ArrayBuffer } & Pick<CopiedRun, 'starts' | 'isFull'> & Pick<BodyScan, 'marks' | 'openings'>)
  | { error: { message: string; code: string | undefined } };

const port = parentPort!;
// One connection: what is asked for next is read next.
const pool = createPatientPool(workerData as string, PAGE_PATIENCE, { max: 1 });

// Postgres reads a run while the one before it is looked at here, and that one is ready before it is ordered.
const copyRun = createFoldedRunCopier(pool);
const readRun = readingAhead(({ position, limits }) => copyRun(position, limits));
const scanRun = readingAhead(async (order) => {
  const rows = await readRun(order);
  await nextTurn(); // By then the statement for the next run is sent.
  return { ...rows, ...scanBodies(bodiesOf(rows), rows.starts.length) };
});

let answered: Promise<void> = Promise.resolve();
port.on('message', (order: RunOrder) => {
  const run = scanRun(order);
  run.catch(() => {}); // Told when those before it are answered.
  answered = answered.then(() => run).then(handOver, tell);
});

function handOver({ bytes, starts, isFull, marks, openings }: CopiedRun & BodyScan): void {
  const buffer = bytes.buffer as ArrayBuffer;
  const answer: RunAnswer = { bytes: buffer, starts, isFull, marks, openings };
  port.postMessage(answer, [buffer, starts.buffer, marks.buffer, openings.buffer]);
}

function tell({ message, code }: Error & { code?: string }): void {
  port.postMessage({ error: { message, code } } satisfies RunAnswer);
}

/** Reads as `read` does, and what follows a full run before it is ordered. */
function readingAhead<Read extends CopiedRun>(read: (order: RunOrder) => Promise<Read>) {
  let ahead: { order: RunOrder; run: Promise<Read> } | undefined;

  async function take(order: RunOrder): Promise<Read | undefined> {
    const taken = ahead;
    ahead = undefined;
    return taken && isDeepStrictEqual(taken.order, order) ? taken.run : undefined;
  }

  return async (order: RunOrder): Promise<Read> => {
    let run = await take(order);
    // Where nothing was there yet, there may be something by now.
    if (run === undefined || run.starts.length === 0) run = await read(order);
    if (run.isFull) {
      const next: RunOrder = { position: lastPosition(run)!, limits: order.limits };
      ahead = { order: next, run: read(next) };
      ahead.run.catch(() => {}); // Told to whoever orders it.
    }
    return run;
  };
}
