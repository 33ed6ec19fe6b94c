// The projector checks itself all the time, on a small sample: now and then one key, of a served row or of an event,
// chosen at random, is folded afresh from the log and compared.
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { Counter, type Registry } from 'prom-client';
import type { Projection } from '../../../projections/contract.js';
import { EventMissing } from '../../log/missing-event.js';
import { findBuild } from '../../read-models/build.js';
import { AnotherLog } from '../../read-models/same-log.js';
import type { Service } from '../../service.js';
import { type SampledKey, sampleKeys } from './sample-keys.js';
import { assertOfLog, verifyKey } from './verify-projection.js';

export interface SelfCheckOptions {
  logPool: pg.Pool;
  readPool: pg.Pool;
  projections: readonly Projection[];
  registry: Registry;
  logger: FastifyBaseLogger;
  /** Time between two checks, in milliseconds. */
  everyMs: number;
}

// A key of more events than this is left to `hookfold verify projections`.
const EVENTS_AT_MOST = 5000;

/** A service that checks one key every `everyMs`, of each projection in turn. A stop breaks a check off. */
export function createSelfCheck(options: SelfCheckOptions): Service {
  const { projections, registry, logger, everyMs } = options;
  const labelNames = ['projection'] as const;
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const checked = counter(
    'hookfold_verify_checked_total',
    'Keys, of served rows and of events, folded afresh and compared',
  );
  const drifted = counter(
    'hookfold_verify_drifted_total',
    'Of these, keys whose served row was not what the log gives',
  );
  const candidates = projections.filter(({ within }) => within === 'integration');
  let stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let turn = 0;

  async function check(): Promise<void> {
    const projection = candidates[turn++ % candidates.length];
    if (!projection) return;
    const found = await checkOne(projection, { ...options, signal: stopping.signal });
    checked.inc({ projection: projection.name }, found.checked);
    drifted.inc({ projection: projection.name }, found.differences.length);
    for (const difference of found.differences)
      logger.error(
        { projection: projection.name, ...difference },
        'drift: a served row is not what the log gives',
      );
  }

  const beat = () => {
    running = check()
      .catch((error) => {
        if (!stopping.signal.aborted) logger.warn({ err: error }, 'the self-check could not be made');
      })
      .finally(() => {
        if (timer) timer = setTimeout(beat, everyMs);
      });
  };
  return {
    async start() {
      if (timer) return;
      stopping = new AbortController();
      timer = setTimeout(beat, everyMs);
    },
    async stop() {
      stopping.abort(new Error('the projector stops'));
      clearTimeout(timer);
      timer = undefined;
      await running;
    },
  };
}

const NOTHING = { checked: 0, differences: [] };

async function checkOne(projection: Projection, options: SelfCheckOptions & { signal: AbortSignal }) {
  const build = await findBuild(options.readPool, projection, 'live');
  if (!build) return NOTHING;
  try {
    await assertOfLog(build, options);
    const [key] = await sampleKeys(projection, build, options, 1);
    if (!key || !(await isShort(options.logPool, key))) return NOTHING;
    return await verifyKey(projection, build, key, options);
  } catch (error) {
    // A part of the log that was archived, or an older log, is nothing to warn of every few seconds.
    if (error instanceof EventMissing || error instanceof AnotherLog) return NOTHING;
    throw error;
  }
}

// What is read for a key: of a resource its own events, however many its integration has.
async function isShort(log: pg.Pool, { integration_id, type, resource_id }: SampledKey): Promise<boolean> {
  const indexed = resource_id === undefined ? ['integration_id', '$1'] : ['resource_id', '$3'];
  const { rows } = await log.query(
    `SELECT count(*) AS events FROM (SELECT 1 FROM event_log
       WHERE hashtextextended(${indexed[0]}, 0) = hashtextextended(${indexed[1]}, 0) AND integration_id = $1
         AND ($3::text IS NULL OR (resource_id = $3 AND resource_type = $4)) LIMIT $2) e`,
    [integration_id, EVENTS_AT_MOST + 1, resource_id ?? null, type ?? null],
  );
  return rows[0].events <= EVENTS_AT_MOST;
}
