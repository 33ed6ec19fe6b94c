// Before it publishes, the relay makes sure that the stream is a copy of this log, as far as its end shows, and that
// the log has what comes next.
import type { NatsConnection, StreamInfo } from 'nats';
import type pg from 'pg';
import { assertFit, ensureStream, findMessage, managerOf, STREAM } from '../bus/stream.js';
import { assertNext } from '../log/assert-next.js';
import { EventMissing } from '../log/missing-event.js';
import { readAt, readHead } from '../log/read-log.js';
import { differenceOf } from './compare-message.js';

// Events that a log lost by a restore are acknowledged ones, and the stream has the only copy. What its last message is
// does not tell whether there are such before it.
const ADVICE =
  'If DATABASE_URL and NATS_URL belong together, keep the stream: it may hold events that the log lost. Restore the ' +
  'log that has them, or save them from the stream before you delete it ("Events that the log lost" in docs/bus.md).';

/** The stream is no copy of the log. It is left alone; a person has to say which of the two is right. */
export class StreamForeign extends Error {
  readonly code = 'HOOKFOLD_STREAM_FOREIGN';
  constructor(finding: string) {
    super(`stream ${STREAM} is no copy of this log: ${finding}. Nothing is published. ${ADVICE}`);
  }
}

/** The end of a stream that is a copy of the log. */
export interface StreamEnd {
  /** The stream's last sequence, which is the position up to which the log is mirrored; 0 for an empty stream. */
  position: number;
  /** Of the event at that position. */
  eventId: string | undefined;
}

/** Makes the stream if there is none, and compares its end with the log: see `compareEnd`. Throws what NATS or Postgres throw. */
export async function findPosition(connection: NatsConnection, pool: pg.Pool): Promise<StreamEnd> {
  return compareEnd(connection, pool, await ensureStream(connection));
}

/**
 * Compares the stream's last message with the event at that position. Throws StreamForeign or StreamUnfit where the stream
 * is no copy, EventMissing where that event is in a partition that was detached, or the log goes on but not with the next.
 */
export async function compareEnd(
  connection: NatsConnection,
  pool: pg.Pool,
  { config, state }: StreamInfo,
): Promise<StreamEnd> {
  assertFit(config);
  const position = state.last_seq;
  const eventId = position > 0 ? await compareMessage(connection, pool, position) : undefined;
  await assertNext(pool, position);
  return { position, eventId };
}

async function compareMessage(connection: NatsConnection, pool: pg.Pool, position: number): Promise<string> {
  const message = await findMessage(await managerOf(connection), position);
  if (!message) throw new StreamForeign(`its last message, at sequence ${position}, was removed`);
  const event = await readAt(pool, position);
  if (!event) {
    if ((await readHead(pool)) >= position) throw new EventMissing(position);
    throw new StreamForeign(`it goes up to sequence ${position}, and the log has no event at that position`);
  }
  const { subject, header: headers, data } = message;
  const difference = differenceOf({ subject, headers, data }, event);
  if (difference) throw new StreamForeign(`its message at sequence ${position} ${difference}`);
  return event.event_id;
}
