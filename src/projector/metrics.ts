import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import { readProgress } from '../read-models/progress.js';
import type { Share } from './commit-page.js';

export interface ProjectorMetrics {
  onPage(events: number, shares: readonly Share[]): void;
}

/** Position, lag, parked and unreadable of every projection, read when asked; events folded, counted as they go. */
export function createProjectorMetrics(
  registry: Registry,
  logPool: pg.Pool,
  readPool: pg.Pool,
  logger: Pick<FastifyBaseLogger, 'warn'>,
): ProjectorMetrics {
  const labelNames = ['projection'] as const;
  const options = (name: string, help: string) => ({
    name: `hookfold_projection_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  const folded = new Counter(options('events_total', 'Events that this process has read for a projection'));
  // All gauges of a scrape wait for one reading: each is shown as soon as its own `collect` has ended.
  let reading: Promise<void> | undefined;
  const collect = () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const gauge = (name: string, help: string) => new Gauge({ ...options(name, help), collect });
  const gauges = {
    position: gauge('position', 'Position up to which a projection is folded'),
    lag_events: gauge('lag_events', 'Events in the log behind that position'),
    lag_seconds: gauge('lag_seconds', 'Age of the oldest event not yet folded, in seconds'),
    parked: gauge('parked', 'Events parked'),
    unreadable: gauge('unreadable', 'Known events that did not fit their schema'),
    fault: gauge('fault', '1 where a projection cannot go on with the log that there is'),
  };
  async function read(): Promise<void> {
    // Metrics that cannot be read are left out: what is counted in memory is shown all the same.
    const read = await readProgress(logPool, readPool).catch((error) => {
      logger.warn({ err: error }, 'how far read models are cannot be read: it is missing in the metrics');
      return [];
    });
    const all = read.map((progress) => ({ ...progress, fault: progress.fault !== null }));
    for (const [name, gauge] of Object.entries(gauges)) {
      gauge.reset();
      for (const progress of all)
        gauge.set({ projection: progress.name }, Number(progress[name as keyof typeof gauges]));
    }
  }
  return {
    onPage(events, shares) {
      for (const { follower } of shares) folded.inc({ projection: follower.projection.name }, events);
    },
  };
}
