// Deploying is rebuilding: where the code's version of a projection is higher than the one that is served, the
// projector rebuilds it in the background and swaps it in. The old version goes on being served and, by processes of
// the old code, followed; neither writes the other's table.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { Projection } from '../../../projections/contract.js';
import { findServed } from '../../read-models/build.js';
import type { Service } from '../../service.js';
import { isLasting } from '../faults.js';
import type { Pools } from '../pools.js';
import { createRunReader } from '../run-reader.js';
import type { Outcome } from './finish.js';
import { RebuildRunning } from './hold.js';
import { createLocalLoader } from './local-loader.js';
import { ANEW_REASONS } from './prepare.js';
import { type RebuildOptions, rebuild } from './rebuild.js';
import { createThrottle } from './throttle.js';

export interface AutoRebuildOptions {
  logPool: pg.Pool;
  readPool: pg.Pool;
  /** Pools for statements that take as long as they take: indexes, comparisons. */
  unhurried: Pools;
  projections: readonly Projection[];
  logger: FastifyBaseLogger;
  /** Time between two looks at the served versions, in milliseconds. */
  everyMs: number;
}

const LAG_LIMIT = 5000;
/** What fails for a reason that stays, a swap or an index that cannot be made, is tried less and less often. */
const LONGEST_PAUSE_MS = 300_000;
const MEMORY_BYTES = 16 * 1024 * 1024;
const PAGE_EVENTS = 500;

export interface AutoRebuild extends Service {
  /** Why newer versions are not served, where trying again does not bring them there. */
  fault(): Error | undefined;
}

/** A service that looks at its start and then every `everyMs`, less often after failures. Its `stop` leaves a rebuild to be gone on with. */
export function createAutoRebuild(options: AutoRebuildOptions): AutoRebuild {
  const { logger, everyMs } = options;
  let stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let pauseMs = everyMs;
  let fault: Error | undefined;

  const look = () => {
    let loaded = false;
    running = rebuildOutdated(options, stopping.signal, (phase) => {
      loaded = phase === 'index' || phase === 'finish';
    })
      .then(
        () => {
          pauseMs = everyMs;
          fault = undefined;
        },
        (error) => {
          if (stopping.signal.aborted) return;
          fault = isLasting(error) ? error : undefined;
          const stays = loaded || fault !== undefined;
          pauseMs = stays ? Math.min(pauseMs * 2, Math.max(everyMs, LONGEST_PAUSE_MS)) : everyMs;
          if (error instanceof RebuildRunning) return logger.debug(error.message);
          logger.warn(
            { err: error, seconds: pauseMs / 1000 },
            'a rebuild by itself did not finish; it goes on later',
          );
        },
      )
      .finally(() => {
        if (!stopping.signal.aborted) timer = setTimeout(look, pauseMs);
      });
  };
  return {
    async start() {
      if (timer) return;
      stopping = new AbortController();
      pauseMs = everyMs;
      timer = setTimeout(look, 0);
    },
    async stop() {
      stopping.abort(new Error('the projector stops; the rebuild goes on when it runs again'));
      clearTimeout(timer);
      timer = undefined;
      await running;
    },
    fault: () => fault,
  };
}

async function rebuildOutdated(
  options: AutoRebuildOptions,
  signal: AbortSignal,
  onPhase: NonNullable<RebuildOptions['onPhase']>,
): Promise<void> {
  const { logPool, readPool, unhurried, logger } = options;
  const outdated = await findOutdated(options);
  if (outdated.length === 0) return;
  logger.info(
    { projections: outdated.map(({ name, version }) => `${name} v${version}`) },
    'rebuilding newer versions',
  );
  const throttle = createThrottle({ logPool, readPool, lagLimit: LAG_LIMIT });
  await rebuild(outdated, {
    logPool,
    readPool,
    unhurried,
    logger,
    workers: 1,
    load: createLocalLoader({
      readRun: createRunReader(logPool),
      readPool,
      memoryBytes: MEMORY_BYTES,
      pageEvents: PAGE_EVENTS,
      signal,
    }),
    sampleSize: 0,
    dryRun: false,
    acceptDrift: true,
    byItself: true,
    onLeftover: ({ anew, ...leftover }) =>
      logger.info(
        leftover,
        anew ? `begun anew: what was built ${ANEW_REASONS[anew]}` : 'going on with a rebuild',
      ),
    onProgress: throttle.pace,
    onPhase,
    onOutcome: (projection, outcome) => tell(logger, projection, outcome),
    signal,
  });
}

function tell(logger: FastifyBaseLogger, projection: string, outcome: Outcome): void {
  logger.info({ projection, outcome }, 'rebuilt and swapped in');
  if (outcome.kind === 'swapped' && outcome.parked.after > outcome.parked.before)
    logger.warn(
      { projection, ...outcome.parked },
      'more events are parked than in the version before: hookfold parked list shows why, hookfold rebuild --rollback goes back',
    );
}

async function findOutdated({ readPool, projections }: AutoRebuildOptions): Promise<Projection[]> {
  const outdated: Projection[] = [];
  for (const projection of projections) {
    const served = await findServed(readPool, projection.name);
    if (served && served.version < projection.version && !served.pinned) outdated.push(projection);
  }
  return outdated;
}
