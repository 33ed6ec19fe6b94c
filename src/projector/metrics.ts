import type pg from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import { readProgress } from '../read-models/progress.js';
import type { Share } from './apply-page.js';

export interface ProjectorMetrics {
  onPage(events: number, shares: readonly Share[]): void;
}

/** Position, lag, parked and unreadable of every projection, read when asked; events folded, counted as they go. */
export function createProjectorMetrics(
  registry: Registry,
  logPool: pg.Pool,
  readPool: pg.Pool,
): ProjectorMetrics {
  const labelNames = ['projection'] as const;
  const options = (name: string, help: string) => ({
    name: `hookfold_projection_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  const folded = new Counter(options('events_total', 'Events that this process has read for a projection'));
  const position = new Gauge(options('position', 'Position up to which a projection is folded'));
  const lagEvents = new Gauge(options('lag_events', 'Events in the log behind that position'));
  const lagSeconds = new Gauge(options('lag_seconds', 'Age of the oldest event not yet folded, in seconds'));
  const parked = new Gauge(options('parked', 'Events parked'));
  const unreadable = new Gauge({
    ...options('unreadable', 'Known events that did not fit their schema'),
    async collect() {
      // Metrics that cannot be read are left out: what is counted in memory is shown all the same.
      const all = await readProgress(logPool, readPool).catch(() => []);
      for (const gauge of [position, lagEvents, lagSeconds, parked, unreadable]) gauge.reset();
      for (const progress of all) {
        const labels = { projection: progress.name };
        position.set(labels, progress.position);
        lagEvents.set(labels, progress.lag_events);
        lagSeconds.set(labels, progress.lag_seconds);
        parked.set(labels, progress.parked);
        unreadable.set(labels, progress.unreadable);
      }
    },
  });
  return {
    onPage(events, shares) {
      for (const { follower } of shares) folded.inc({ projection: follower.projection.name }, events);
    },
  };
}
