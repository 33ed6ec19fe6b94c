// A rebuild yields to live work: while a live read model lags, and somebody is catching it up, it waits. Each is judged
// on its own, since some are nobody's to follow: one whose older version is served while the newer is built, one that was
// folded from another log.
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type ProjectionProgress, readProgress } from '../../read-models/progress.js';

export interface Throttle {
  /** Call after each page: returns at once, or after a pause while live work is behind. */
  pace(): Promise<void>;
  /** Events that the live read models that somebody follows were behind when last looked at. */
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
// A projector that is merely slow commits a page every few seconds; who stood still for longer while it was behind is
// followed by nobody.
const STILL_MS = 5000;

/** A live read model at a look. */
interface Seen {
  position: number;
  lag: number;
  moved: boolean;
  /** When it was last seen to move or to be at the head; undefined while it never was. */
  followedAt: number | undefined;
  /** Whether somebody follows it, as far as is known; at first sight that may be so. */
  followed: boolean;
}

/** A throttle that looks at the lag once a second. */
export function createThrottle({
  logPool,
  readPool,
  lagLimit,
  lookEveryMs = 1000,
}: ThrottleOptions): Throttle {
  let looked = performance.now();
  let seen = new Map<number, Seen>();

  let pausing: Promise<void> | undefined;

  // Several workers ask at once: they wait for one pause, or each would take what the other saw for standing still.
  async function pace(): Promise<void> {
    if (!pausing && performance.now() - looked < lookEveryMs) return;
    pausing ??= pauseWhileBehind().finally(() => {
      pausing = undefined;
    });
    return pausing;
  }

  async function pauseWhileBehind(): Promise<void> {
    let behind = await lookForBehind();
    for (let pause = 0; pause < PAUSES && behind.length > 0; pause++) {
      await delay(PAUSE_MS);
      behind = await lookForBehind();
      if (!behind.some(({ moved }) => moved)) break;
    }
    looked = performance.now();
  }

  async function lookForBehind(): Promise<Seen[]> {
    const going = (await readProgress(logPool, readPool)).filter(({ fault }) => fault === null);
    seen = new Map(going.map((each) => [each.build_id, see(each, seen.get(each.build_id))]));
    return followed().filter(({ lag }) => lag > lagLimit);
  }

  const followed = () => [...seen.values()].filter((each) => each.followed);
  return { pace, liveLag: () => Math.max(0, ...followed().map(({ lag }) => lag)) };
}

function see({ position, lag_events: lag }: ProjectionProgress, before: Seen | undefined): Seen {
  const now = performance.now();
  const moved = before !== undefined && position > before.position;
  const followedAt = moved || lag === 0 ? now : before?.followedAt;
  const isStill = followedAt === undefined ? before !== undefined : now - followedAt > STILL_MS;
  return { position, lag, moved, followedAt, followed: !isStill };
}
