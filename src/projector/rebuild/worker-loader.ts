// Loads builds in worker threads: each reads the log and folds its own segments; the first also folds what is not
// keyed within an integration.
import { Worker } from 'node:worker_threads';
import type { Loader, Rebuilding } from './rebuild.js';

export interface WorkerOrder {
  databaseUrl: string;
  readDatabaseUrl: string;
  builds: { name: string; build: Rebuilding['build'] }[];
  to: number;
  /** This worker's number, from 0, and how many there are. */
  worker: number;
  workers: number;
  memoryBytes: number;
  pageEvents: number;
}

export type WorkerLoaderOptions = Omit<WorkerOrder, 'builds' | 'to' | 'worker'>;

// A fold makes short-lived rows by the million: with room for young ones few are copied by the garbage collector. Of a
// limit for old ones V8 keeps its distance by collecting sooner, so it is far above what is held at once; but from 2 GB on
// V8 lets them grow to four times what is alive before it collects, below to less than twice (its MemoryController).
const limitsOf = (memoryBytes: number) => ({
  maxYoungGenerationSizeMb: 96,
  maxOldGenerationSizeMb: Math.max(1792, (16 * memoryBytes) / 2 ** 20),
});

/** A loader of `workers` threads, which share `memoryBytes`. The first error ends them all. */
export function createWorkerLoader(options: WorkerLoaderOptions): Loader {
  return async (builds, to, onProgress) => {
    const named = builds.map(({ projection, build }) => ({ name: projection.name, build }));
    const memoryBytes = options.memoryBytes / options.workers;
    // Unknown until a worker has spoken.
    const positions = new Array<number | undefined>(options.workers).fill(undefined);
    const threads = positions.map((_, worker) => {
      const order: WorkerOrder = { ...options, memoryBytes, builds: named, to, worker };
      return new Worker(new URL('./worker.js', import.meta.url), {
        workerData: order,
        resourceLimits: limitsOf(memoryBytes),
      });
    });
    const done = threads.map((thread, worker) =>
      ended(thread, async (position) => {
        positions[worker] = position;
        if (positions.every((each) => each !== undefined)) await onProgress(Math.min(...positions));
        thread.postMessage('on');
      }),
    );
    try {
      await Promise.all(done);
    } finally {
      await Promise.all(threads.map((thread) => thread.terminate()));
    }
  };
}

function ended(thread: Worker, onPosition: (position: number) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.on('message', (position: number) => onPosition(position).catch(reject));
    thread.on('error', reject);
    thread.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a rebuild worker ended with ${code}`)),
    );
  });
}
