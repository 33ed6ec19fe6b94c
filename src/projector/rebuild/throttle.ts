// A rebuild yields to live work: while the live projections lag, and somebody is catching them up, it waits. Not for one
// that was folded from another log: nobody catches it up.
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { readProgress } from '../../read-models/progress.js';

export interface Throttle {
  /** Call after each page: returns at once, or after a pause while live work is behind. */
  pace(): Promise<void>;
  /** Events that the live projections that can go on were behind when last looked at. */
  liveLag(): number;
}

export interface ThrottleOptions {
  logPool: pg.Pool;
  readPool: pg.Pool;
  /** Lag in events from which on the rebuild waits. */
  lagLimit: number;
  /** Time between two looks at the lag, in milliseconds. Default 1000. */
  lookEveryMs?: number;
}

const PAUSE_MS = 250;
// However far behind the live work is, the rebuild does not starve: so many pauses a look at the most.
const PAUSES = 8;

/** A throttle that looks at the lag once a second. */
export function createThrottle({
  logPool,
  readPool,
  lagLimit,
  lookEveryMs = 1000,
}: ThrottleOptions): Throttle {
  let looked = performance.now();
  let lag = 0;

  async function pace(): Promise<void> {
    if (performance.now() - looked < lookEveryMs) return;
    let before = await furthestBehind();
    for (let pause = 0; pause < PAUSES && before.lag > lagLimit; pause++) {
      await delay(PAUSE_MS);
      const now = await furthestBehind();
      const isFollowed = now.position > before.position;
      before = now;
      if (!isFollowed) break;
    }
    lag = before.lag;
    looked = performance.now();
  }

  async function furthestBehind(): Promise<{ position: number; lag: number }> {
    const progress = await readProgress(logPool, readPool);
    const going = progress.filter(({ fault }) => fault === null);
    const position = Math.min(...going.map((each) => each.position));
    return { position, lag: Math.max(0, ...going.map(({ lag_events }) => lag_events)) };
  }

  return { pace, liveLag: () => lag };
}
