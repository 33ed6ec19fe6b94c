// Publishes the log after the stream's end, run after run, until something is other than expected.
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { assertFit, findStream, managerOf } from '../bus/stream.js';
import { createMirroredRunReader, type MirroredRunReader } from '../log/mirrored-run-reader.js';
import { EventMissing } from '../log/missing-event.js';
import { readHead } from '../log/read-log.js';
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

const LOOK_EVERY_MS = 2000;
/** A run of so many events that is not full comes of a log that is appended to by many at once. */
const BUSY_EVENTS = 16;

/**
 * Compares the stream's end with the log, then publishes what follows and what is appended, until `mayPublish` says
 * no or an idle stream's end is not where this mirror left it. Throws as `findPosition` (of an idle stream at any time)
 * and `publishRun` do, and EventMissing where events that are to be published are not in the log. When it ends, either
 * way, no run is in flight.
 */
export async function mirror(options: MirrorOptions): Promise<void> {
  const end = await findPosition(options.connection, options.pool);
  options.onMirrored(end.position, 0);
  const flight = createFlight(options.onMirrored);
  try {
    await follow(options, end, flight);
    await flight.landed();
  } finally {
    await flight.settled();
  }
}

async function follow(options: MirrorOptions, end: StreamEnd, flight: Flight): Promise<void> {
  const { connection, limits, alarm, pollMs, gatherMs } = options;
  const readRun = createMirroredRunReader(options.pool);
  const publishRun = createRunPublisher(connection);
  let position = end.position;
  let previousId: string | undefined;
  let lookedAt = performance.now();
  /** The log's head before the run was read: what is not in that run was not appended meanwhile. */
  let head = position;
  let reading = readAhead(readRun, position, { ...limits, events: options.firstRunEvents });
  for (;;) {
    const { events: run, isFull } = await reading;
    const last = run.at(-1);
    if (!last && head > position) throw new EventMissing(position + 1);
    if (last) {
      const bytes = bytesOf(run);
      if (isFull) reading = readAhead(readRun, last.position, limits);
      // Sends the query off, so that Postgres works while this run is written.
      await turn();
      await flight.room(bytes);
      if (!options.mayPublish()) return;
      const stored = publishRun(run, previousId);
      flight.add({ position: last.position, events: run.length, bytes, stored });
      // The first one shows whether any will do. Behind one that is not full the log ends: what is appended while it
      // is stored makes the next, in place of many small ones.
      if (previousId === undefined || !isFull) await flight.landed();
      if (!isFull) {
        // Reading, sending and acknowledging cost as much for ten events as for a hundred, and the door has need of it.
        if (run.length >= BUSY_EVENTS) await delay(gatherMs);
        reading = readAhead(readRun, last.position, limits);
      }
      ({ position, event_id: previousId } = last);
    } else {
      await flight.landed();
      await alarm.wait(pollMs);
      if (!options.mayPublish()) return;
      if (performance.now() - lookedAt > LOOK_EVERY_MS) {
        if (!(await isUntouched(connection, { ...end, position }))) return;
        head = await readHead(options.pool);
        lookedAt = performance.now();
      }
      reading = readAhead(readRun, position, limits);
    }
  }
}

// Its failure is thrown to whoever waits for it; where the mirror ends before, to nobody.
function readAhead(
  readRun: MirroredRunReader,
  position: number,
  limits: RunLimits,
): Promise<Run<MirroredEvent>> {
  const reading = readRun(position, limits);
  reading.catch(() => {});
  return reading;
}

const bytesOf = (run: readonly MirroredEvent[]) => run.reduce((sum, { raw }) => sum + raw.end - raw.start, 0);

async function isUntouched(connection: NatsConnection, end: StreamEnd): Promise<boolean> {
  const info = await findStream(await managerOf(connection));
  // Limits may have been set since: messages that go by them leave the end as it is.
  if (info) assertFit(info.config);
  return info?.created === end.created && info.state.last_seq === end.position;
}
