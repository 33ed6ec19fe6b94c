// Publishes the log after the stream's end, run after run, until something is other than expected.
//
// Every two seconds, busy or idle, the stream's end is compared with the log anew: the stream may be another by then, or
// have other limits. The log may be another, too, without an error of any statement: a standby that lacks the last commits
// was promoted behind a proxy, or tables were restored in place. So of each run it is asked, after it was read, whether
// the event before it is still the one that the stream has there.
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { hasEvent } from '../log/has-event.js';
import { createMirroredRunReader, type MirroredRunReader } from '../log/mirrored-run-reader.js';
import type { Run, RunLimits } from '../log/read-run.js';
import type { Alarm } from './alarm.js';
import { findPosition, type StreamEnd } from './find-position.js';
import { createFlight, type Flight } from './flight.js';
import { createRunPublisher } from './publish-run.js';

export interface MirrorOptions {
  connection: NatsConnection;
  pool: pg.Pool;
  limits: RunLimits;
  /** Events of the first run at the most. One, after a refusal: the server answers the last of a run only, so why. */
  firstRunEvents: number;
  /** Rung when the log may have grown; without a ring it is read every `pollMs`. */
  alarm: Alarm;
  pollMs: number;
  /** How long what a busy log appends is gathered, in milliseconds. */
  gatherMs: number;
  /** Asked before each run; false ends the mirror. */
  mayPublish(): boolean;
  /** Told after the comparison (no events) and, in order, of each acknowledged run. */
  onMirrored(position: number, events: number): void;
}

const COMPARE_EVERY_MS = 2000;
/** A run of so many events that is not full comes of a log that is appended to by many at once. */
const BUSY_EVENTS = 16;

/**
 * Compares the stream's end with the log, publishes what follows and what is appended, and so over and over, until
 * `mayPublish` says no. Throws as `findPosition` and `publishRun` do, and EventMissing where events that are to be published
 * are not in the log. When it ends, either way, no run is in flight.
 */
export async function mirror(options: MirrorOptions): Promise<void> {
  do {
    const end = await findPosition(options.connection, options.pool);
    options.onMirrored(end.position, 0);
    const flight = createFlight(options.onMirrored);
    try {
      await follow(options, end, flight);
      await flight.landed();
    } finally {
      await flight.settled();
    }
  } while (options.mayPublish());
}

/** Publishes what follows an end, for as long as that comparison holds. */
async function follow(options: MirrorOptions, end: StreamEnd, flight: Flight): Promise<void> {
  const { connection, pool, limits, alarm, pollMs, gatherMs } = options;
  const readRun = createMirroredRunReader(pool);
  const publishRun = createRunPublisher(connection);
  const read = (after: StreamEnd, events = limits.events) =>
    readAhead(pool, readRun, after, { ...limits, events });
  const until = performance.now() + COMPARE_EVERY_MS;
  let before = end;
  let reading = read(before, options.firstRunEvents);
  while (performance.now() < until) {
    const next = await reading;
    if (!next) return;
    const { events: run, isFull } = next;
    const last = run.at(-1);
    if (last) {
      const bytes = bytesOf(run);
      const after = { position: last.position, eventId: last.event_id };
      if (isFull) reading = read(after);
      // Sends the query off, so that Postgres works while this run is written.
      await turn();
      await flight.room(bytes);
      if (!options.mayPublish()) return;
      const isFirst = before === end;
      // Of an older message the server may have forgotten the id.
      const stored = publishRun(run, isFirst ? undefined : before.eventId);
      flight.add({ position: last.position, events: run.length, bytes, stored });
      if (isFirst || !isFull) await flight.landed();
      if (!isFull) {
        // Reading, sending and acknowledging cost as much for ten events as for a hundred, and the door has need of it.
        if (run.length >= BUSY_EVENTS) await delay(gatherMs);
        reading = read(after);
      }
      before = after;
    } else {
      await flight.landed();
      await alarm.wait(pollMs);
      if (!options.mayPublish()) return;
      reading = read(before);
    }
  }
}

/** The run after an event; undefined where the log has another event in that one's place, so is another log. */
function readAhead(
  pool: pg.Pool,
  readRun: MirroredRunReader,
  { position, eventId }: StreamEnd,
  limits: RunLimits,
): Promise<Run<MirroredEvent> | undefined> {
  const read = async () => {
    const run = await readRun(position, limits);
    if (run.events.length === 0 || eventId === undefined) return run;
    return (await hasEvent(pool, position, eventId)) ? run : undefined;
  };
  const reading = read();
  // Its failure is thrown to whoever waits for it; where the mirror ends before, to nobody.
  reading.catch(() => {});
  return reading;
}

const bytesOf = (run: readonly MirroredEvent[]) => run.reduce((sum, { raw }) => sum + raw.end - raw.start, 0);
