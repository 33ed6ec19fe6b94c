// Before it publishes, the relay makes sure that the stream is a copy of this log, as far as its end shows, and that
// the log has what comes next.
import type { NatsConnection } from 'nats';
import type pg from 'pg';
import { ensureStream, findMessage, managerOf, STREAM } from '../bus/stream.js';
import { assertNext } from '../log/assert-next.js';
import { EventMissing } from '../log/missing-event.js';
import { readAt, readHead } from '../log/read-log.js';
import { differenceOf, isEvent } from './compare-message.js';

/** The stream is no copy of the log. It is left alone; a person has to say which of the two is right. */
export class StreamForeign extends Error {
  readonly code = 'HOOKFOLD_STREAM_FOREIGN';
  constructor(finding: string, advice: string) {
    super(`stream ${STREAM} is no copy of this log: ${finding}. Nothing is published. ${advice}`);
  }
}

const MAKE_AGAIN =
  `If DATABASE_URL and NATS_URL belong together, delete the stream (nats stream rm ${STREAM}): the relay makes it ` +
  'again from position 1.';
// Events that a log lost by a restore are acknowledged ones, and the stream has the only copy.
const KEEP =
  'If DATABASE_URL and NATS_URL belong together, keep the stream: it may hold events that the log lost. Restore the ' +
  'log that has them, or save them from the stream before you delete it ("Events that the log lost" in docs/bus.md).';

/** The end of a stream that is a copy of the log. */
export interface StreamEnd {
  /** The stream's last sequence, which is the position up to which the log is mirrored; 0 for an empty stream. */
  position: number;
  /** When the stream was made: another time is another stream. */
  created: string;
}

/**
 * Makes the stream if there is none and compares its last message with the log. Throws StreamForeign or StreamUnfit
 * where it is no copy, EventMissing where the log goes on but not with the next event, and what NATS or Postgres throw.
 */
export async function findPosition(connection: NatsConnection, pool: pg.Pool): Promise<StreamEnd> {
  const { state, created } = await ensureStream(connection);
  const position = state.last_seq;
  if (position > 0) await assertCopy(connection, pool, position);
  await assertNext(pool, position);
  return { position, created };
}

/** Compares the message at a sequence with the event at that position. Throws StreamForeign, or EventMissing behind the head. */
export async function assertCopy(connection: NatsConnection, pool: pg.Pool, position: number): Promise<void> {
  const message = await findMessage(await managerOf(connection), position);
  if (!message) throw new StreamForeign(`its last message, at sequence ${position}, was removed`, MAKE_AGAIN);
  const event = await readAt(pool, position);
  if (!event) {
    if ((await readHead(pool)) >= position) throw new EventMissing(position);
    throw new StreamForeign(
      `it goes up to sequence ${position}, and the log has no event at that position`,
      KEEP,
    );
  }
  const { subject, header: headers, data } = message;
  const difference = differenceOf({ subject, headers, data }, event);
  if (difference)
    throw new StreamForeign(
      `its message at sequence ${position} ${difference}`,
      isEvent(headers) ? KEEP : MAKE_AGAIN,
    );
}
