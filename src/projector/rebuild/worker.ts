// The thread of one rebuild worker: told what to load, it loads, says after each page how far it is, and waits for
// the word to go on, so that the rebuild as a whole can yield to live work. It folds and writes; the log is read in a
// thread beside it.
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { findProjection } from '../../../projections/index.js';
import { createThreadedRunReader } from '../../log/run-reader.js';
import { createPool } from '../../postgres/connect.js';
import { createLocalLoader } from './local-loader.js';
import type { WorkerOrder } from './worker-loader.js';

const order = workerData as WorkerOrder;
const port = parentPort!;
const log = createThreadedRunReader(order.databaseUrl);
const readPool = createPool(order.readDatabaseUrl, { max: 2 });

const load = createLocalLoader({
  ...order,
  readRun: log.read,
  readPool,
  owns: (_, segment) => segment % order.workers === order.worker,
});
const builds = order.builds.map(({ name, build }) => ({ projection: findProjection(name), build }));
// The word for a page is waited for after the next one: it is there by then, unless the rebuild is to yield.
let word: Promise<unknown> = Promise.resolve();
await load(builds, order.to, async (position) => {
  await word;
  port.postMessage(position);
  word = once(port, 'message');
});
await Promise.all([log.close(), readPool.end()]);
port.close();
