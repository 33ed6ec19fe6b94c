// A run: events that follow each other, sent without waiting, of which only the last is acknowledged.
//
// Each message names the sequence and the id of the one before it, and the server refuses it unless that is the
// stream's last. So the last can only have been stored if all before it were, in order and with nothing between:
// one acknowledgement proves the run. Whoever else publishes, and whatever the server loses, at worst the run ends
// early, and the relay reads the stream's end again.
import type { Msg, NatsConnection } from 'nats';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { explained } from '../bus/explain.js';
import { headersOf, toMessage } from '../bus/message.js';
import { createPacket, type Packet } from '../bus/packet.js';
import { STREAM } from '../bus/stream.js';

const ACKNOWLEDGED_WITHIN_MS = 5000;

// https://github.com/nats-io/nats-server/blob/v2.9.10/server/errors.json
const WRONG_LAST_MESSAGE_ID = 10070;
const WRONG_LAST_SEQUENCE = 10071;

/** The server did not store the run as sent. The stream's end has to be read again. */
export class RunRefused extends Error {
  readonly code = 'HOOKFOLD_RUN_REFUSED';
  constructor(
    message: string,
    /** The event before the refused one was not the stream's last: another relay was faster, or a message of the run was refused. */
    readonly outOfOrder: boolean,
  ) {
    super(message);
  }
}

/**
 * Publishes a run (at least one event) and resolves when the stream holds it, each event at its position. It is sent
 * before this returns, so runs are sent in the order of the calls, and its events are not looked at afterwards.
 * `previousId` is the id of the event before the run, where the stream is known to have stored it since the server
 * started, or where the run before was sent on this connection. Rejects with RunRefused, or what NATS throws; then any
 * part of the run may have been stored.
 */
export type PublishRun = (run: readonly MirroredEvent[], previousId?: string) => Promise<void>;

const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/** A publisher of runs on a connection. */
export function createRunPublisher(connection: NatsConnection): PublishRun {
  // Of runs that were stored: until then their bytes may wait to be written.
  const spare: Packet[] = [];

  return async (run, previousId) => {
    const packet = spare.pop() ?? createPacket();
    await untilStored(send(connection, run, previousId, packet), run.at(-1)!.position);
    packet.clear();
    if (packet.bytes() <= MOST_KEPT_BYTES) spare.push(packet);
  };
}

function send(
  connection: NatsConnection,
  run: readonly MirroredEvent[],
  previousId: string | undefined,
  packet: Packet,
): Promise<Msg> {
  const maxPayload = connection.info?.max_payload ?? 1024 * 1024;
  const last = run.length - 1;
  let before = previousId;
  for (let index = 0; index < last; index++) {
    const message = toMessage(run[index]!, maxPayload, before);
    packet.add(message);
    before = message.id;
  }
  packet.publish(connection);
  const message = toMessage(run[last]!, maxPayload, before);
  // A copy: where the connection is being lost it may be kept, and the run's memory is used again.
  return connection.request(message.subject, Buffer.from(message.data), {
    headers: headersOf(message),
    timeout: ACKNOWLEDGED_WITHIN_MS,
  });
}

async function untilStored(answer: Promise<Msg>, position: number): Promise<void> {
  const message = await answer.catch((error) => {
    throw explained(error, `nobody takes events in: stream ${STREAM} was deleted, or JetStream is off`);
  });
  assertStored(message.json<Acknowledgement>(), position);
}

interface Acknowledgement {
  stream?: string;
  seq?: number;
  error?: { err_code: number; description: string };
}

// A duplicate is as good where it has the right sequence: another relay sent the same, under the same guards.
function assertStored({ stream, seq, error }: Acknowledgement, position: number): void {
  if (error)
    throw new RunRefused(
      `the stream refused the event at ${position}: ${error.description}`,
      error.err_code === WRONG_LAST_SEQUENCE || error.err_code === WRONG_LAST_MESSAGE_ID,
    );
  if (stream !== STREAM || seq !== position)
    throw new RunRefused(
      `the event at ${position} was stored at ${seq} of stream ${stream}, expected ${position} of ${STREAM}`,
      false,
    );
}
