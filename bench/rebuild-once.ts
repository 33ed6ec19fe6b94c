// One rebuild of all read models by one worker, as the command makes it, in a process of its own.
import { PROJECTIONS } from '../projections/index.js';
import { createPool } from '../src/postgres/connect.js';
import { rebuild } from '../src/projector/rebuild/rebuild.js';
import { createWorkerLoader } from '../src/projector/rebuild/worker-loader.js';
import { answerParent } from './child.js';
import { quiet } from './quiet.js';

export interface RebuildOrder {
  databaseUrl: string;
}

export interface RebuildAnswer {
  /** Of the load: one pass over the log, rows and checkpoints written. */
  loadSeconds: number;
  /** Of everything: load, secondary indexes, comparison with the live rows, swap. */
  seconds: number;
  /** Highest resident memory of the process. */
  memoryMb: number;
  drifted: string[];
}

const MEMORY_BYTES = 80 * 1024 * 1024;
const PAGE_EVENTS = 2000;

answerParent(async ({ databaseUrl }: RebuildOrder): Promise<RebuildAnswer> => {
  const logPool = createPool(databaseUrl);
  const readPool = createPool(databaseUrl);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  let loadSeconds = 0;
  const outcomes = await rebuild(PROJECTIONS, {
    logPool,
    readPool,
    logger: quiet,
    workers: 1,
    load: createWorkerLoader({
      databaseUrl,
      readDatabaseUrl: databaseUrl,
      workers: 1,
      memoryBytes: MEMORY_BYTES,
      pageEvents: PAGE_EVENTS,
    }),
    sampleSize: 5,
    dryRun: false,
    acceptDrift: false,
    onPhase: (phase) => {
      if (phase === 'index') loadSeconds = seconds();
    },
  });
  const drifted = [...outcomes].filter(([, outcome]) => outcome.kind !== 'swapped').map(([name]) => name);
  const answer = {
    loadSeconds,
    seconds: seconds(),
    memoryMb: process.resourceUsage().maxRSS / 1024,
    drifted,
  };
  await Promise.all([logPool.end(), readPool.end()]);
  return answer;
});
