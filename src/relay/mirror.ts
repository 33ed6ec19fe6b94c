// Publishes the log after the stream's end, run after run, until something is other than expected.
import { setImmediate as turn } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import { findStream, managerOf } from '../bus/stream.js';
import type { Alarm } from './alarm.js';
import { findPosition, type StreamEnd } from './find-position.js';
import { publishRun } from './publish-run.js';
import { type RunLimits, readRun } from './read-run.js';

export interface MirrorOptions {
  connection: NatsConnection;
  pool: pg.Pool;
  limits: RunLimits;
  /** Events of the first run at the most. One, after a refusal: the server answers the last of a run only, so why. */
  firstRunEvents: number;
  /** Rung when the log may have grown; without a ring it is read every `pollMs`. */
  alarm: Alarm;
  pollMs: number;
  /** Asked before each run; false ends the mirror. */
  mayPublish(): boolean;
  /** Told after the comparison (no events) and after each acknowledged run. */
  onMirrored(position: number, events: number): void;
}

const LOOK_EVERY_MS = 2000;

/**
 * Compares the stream's end with the log, then publishes what follows and what is appended, until `mayPublish` says
 * no or an idle stream's end is not where this mirror left it. Throws as `findPosition` and `publishRun` do.
 */
export async function mirror(options: MirrorOptions): Promise<void> {
  const { connection, pool, limits, alarm, pollMs } = options;
  let end = await findPosition(connection, pool);
  options.onMirrored(end.position, 0);
  let previousId: string | undefined;
  let lookedAt = performance.now();
  let run = await readRun(pool, end.position, { ...limits, events: options.firstRunEvents });
  while (options.mayPublish()) {
    const last = run.at(-1);
    if (last) {
      // The next run is read while this one is stored.
      const position = last.position;
      const [next] = await Promise.all([
        readRun(pool, position, limits),
        publishRun(connection, run, previousId),
      ]);
      options.onMirrored(position, run.length);
      end = { ...end, position };
      previousId = last.event_id;
      run = next;
      await turn(); // Whoever shares the process goes first.
    } else {
      await alarm.wait(pollMs);
      if (performance.now() - lookedAt > LOOK_EVERY_MS) {
        if (!(await isUntouched(connection, end))) return;
        lookedAt = performance.now();
      }
      run = await readRun(pool, end.position, limits);
    }
  }
}

async function isUntouched(connection: NatsConnection, end: StreamEnd): Promise<boolean> {
  const info = await findStream(await managerOf(connection));
  return info?.created === end.created && info.state.last_seq === end.position;
}
