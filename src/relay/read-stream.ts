// Reads the stream's messages in order, a page at a time: unlike an endless subscription, it never holds more.
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg, type NatsConnection, nanos } from 'nats';
import { findMessage, managerOf, STREAM } from '../bus/stream.js';

export interface StreamReader {
  /**
   * The next `count` messages, or fewer: those before the first sequence at which the stream has none. Throws where the
   * server stops answering.
   */
  read(count: number): Promise<JsMsg[]>;
  /** Leaves nothing on the server. */
  close(): Promise<void>;
}

const FETCHED_WITHIN_MS = 5000;
const ABANDONED_AFTER_MS = 60_000;
const MOST_IN_VAIN = 3;

/** A reader from a sequence on. */
export async function createStreamReader(connection: NatsConnection, first: number): Promise<StreamReader> {
  const manager = await managerOf(connection);
  let next = first;
  let consumer: Consumer | undefined;

  async function open(): Promise<Consumer> {
    const { name } = await manager.consumers.add(STREAM, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: next,
      inactive_threshold: nanos(ABANDONED_AFTER_MS),
      mem_storage: true,
    });
    return connection.jetstream().consumers.get(STREAM, name);
  }

  async function close(): Promise<void> {
    const closing = consumer;
    consumer = undefined;
    // Else the server does, after a minute.
    if (closing) await closing.delete().catch(() => {});
  }

  async function read(count: number): Promise<JsMsg[]> {
    const messages: JsMsg[] = [];
    for (let inVain = 0; inVain < MOST_IN_VAIN; ) {
      consumer ??= await open();
      const fetched = inOrder(await fetch(consumer, count - messages.length), next);
      messages.push(...fetched);
      next += fetched.length;
      if (messages.length === count) return messages;
      // What a consumer has sent and we did not get in time, it does not send again: another one does.
      await close();
      if (!(await findMessage(manager, next))) return messages;
      inVain = fetched.length === 0 ? inVain + 1 : 0;
    }
    throw new Error(
      `nats-server stopped answering: it has the message at sequence ${next} and did not deliver it in ` +
        `${(MOST_IN_VAIN * FETCHED_WITHIN_MS) / 1000} s. Run the command again once the server is less busy.`,
    );
  }

  return { read, close };
}

async function fetch(consumer: Consumer, count: number): Promise<JsMsg[]> {
  const messages = await consumer.fetch({ max_messages: count, expires: FETCHED_WITHIN_MS });
  const fetched: JsMsg[] = [];
  for await (const message of messages) fetched.push(message);
  return fetched;
}

/** Those up to the first gap. */
function inOrder(messages: JsMsg[], first: number): JsMsg[] {
  const gap = messages.findIndex(({ seq }, index) => seq !== first + index);
  return gap < 0 ? messages : messages.slice(0, gap);
}
