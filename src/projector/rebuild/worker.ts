// The thread of one rebuild worker: told what to load, it loads, says now and then how far it is, and waits for the word
// to go on, so that the rebuild as a whole can yield to live work. It folds and writes; the log is read in a
// thread beside it.
import { once } from 'node:events';
import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { createPatientPool, PAGE_PATIENCE } from '../../postgres/patience.js';
import { createThreadedRunReader } from '../run-reader.js';
import type { WorkerOrder } from './worker-loader.js';

const BELOW_NORMAL = constants.priority.PRIORITY_BELOW_NORMAL;
/** How long it folds between two words. */
const SAY_MS = 50;

// Whoever shares the machine goes first, the door above all. On Linux this is for this thread, and for the one it starts.
if (getPriority() < BELOW_NORMAL) setPriority(BELOW_NORMAL);

const order = workerData as WorkerOrder;
const port = parentPort!;
const log = createThreadedRunReader(order.databaseUrl);
const readPool = createPatientPool(order.readDatabaseUrl, PAGE_PATIENCE, { max: 2 });
// The thread that reads starts while the rest is loaded.
const { createLocalLoader } = await import('./local-loader.js');
const { findProjection } = await import('../../../projections/index.js');

const load = createLocalLoader({
  ...order,
  readRun: log.read,
  readPool,
  owns: (_, segment) => segment % order.workers === order.worker,
});
const builds = order.builds.map(({ name, build }) => ({ projection: findProjection(name), build }));
// The word for a place is waited for at the next one: it is there by then, unless the rebuild is to yield.
let word: Promise<unknown> = Promise.resolve();
let said = Number.NEGATIVE_INFINITY;
await load(builds, order.to, async (position) => {
  if (performance.now() - said < SAY_MS && position < order.to) return;
  said = performance.now();
  await word;
  port.postMessage(position);
  word = once(port, 'message');
});
// Where there was nothing to load it is at the end too.
if (said === Number.NEGATIVE_INFINITY) port.postMessage(order.to);
await Promise.all([log.close(), readPool.end()]);
port.close();
