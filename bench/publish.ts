// publish: from the log to a stream that has acknowledged it, beside the NATS client's own ways.
import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { Registry } from 'prom-client';
import type { MirroredEvent } from '../schemas/logged-event.js';
import { dial } from '../src/bus/connect.js';
import { type BusMessage, headersOf, toMessage } from '../src/bus/message.js';
import { ensureStream, STREAM } from '../src/bus/stream.js';
import { createMirroredRunReader } from '../src/log/mirrored-run-reader.js';
import { createRelayService } from '../src/relay/relay-service.js';
import type { Bench, BenchContext } from './bench.js';
import { meanBytes } from './bodies.js';
import { fillLog } from './fill-log.js';
import { type Contestant, inTurn, rateOf, ratioOf, resultOf } from './in-turn.js';
import { quiet } from './quiet.js';

const WINDOW = 512;
const NAMES = {
  relay: 'relay',
  windowed: `js.publish, ${WINDOW} in flight`,
  stored: 'core publish to the stream, last one acknowledged',
  core: 'core publish, no stream',
};

export const publish: Bench = {
  name: 'publish',
  about: 'relay, log to acknowledged stream, beside js.publish and core publish',
  async run(context) {
    const { options, say } = context;
    const count = options.events ?? 100_000;
    const { url, pool } = await context.createDatabase();
    await fillLog(pool, count, options.bodyBytes);
    const { events } = await createMirroredRunReader(pool)(0, {
      events: count,
      bytes: Number.MAX_SAFE_INTEGER,
    });
    const connection = await dial(await context.natsUrl(), 'hookfold bench');
    context.atEnd(() => connection.close());
    context.atEnd(() => removeStream(connection));
    const contestants = [
      await relay(context, connection, url, count),
      windowed(connection, events),
      stored(connection, events),
      core(connection, events),
    ];
    const lines = await inTurn(contestants, options.rounds ?? 3, say);
    const about = `${count} events of ${meanBytes(events.map(bodyOf))} bytes a turn, file storage`;
    const ratios = [
      ratioOf(lines, NAMES.relay, NAMES.windowed, { atLeast: 4 }),
      ratioOf(lines, NAMES.relay, NAMES.core, { atLeast: 0.5 }),
      ratioOf(lines, NAMES.relay, NAMES.stored, undefined),
      ratioOf(lines, NAMES.stored, NAMES.core, undefined),
    ];
    const notes = [
      'the relay also reads the events from Postgres; the others have them in memory',
      'all build the same messages by the same code',
      'the third is as fast as this server stores these messages: nothing is read, and nobody waits before the end',
    ];
    return [resultOf('publish', about, lines, ratios, notes)];
  },
};

const bodyOf = ({ raw: { bytes, start, end } }: MirroredEvent) => ({ body: bytes.subarray(start, end) });

async function removeStream(connection: NatsConnection): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  await manager.streams.delete(STREAM).catch(() => {});
}

async function makeStream(connection: NatsConnection): Promise<void> {
  await removeStream(connection);
  await ensureStream(connection);
}

async function relay(
  context: BenchContext,
  connection: NatsConnection,
  databaseUrl: string,
  count: number,
): Promise<Contestant> {
  const natsUrl = await context.natsUrl();
  return {
    name: NAMES.relay,
    prepare: () => removeStream(connection),
    async run() {
      const service = createRelayService({ databaseUrl, natsUrl, logger: quiet, metrics: new Registry() });
      const rate = await rateOf(count, async () => {
        await service.start();
        while (service.status().position < count) await delay(2);
      });
      await service.stop();
      return rate;
    },
  };
}

function messagesOf(
  connection: NatsConnection,
  events: readonly MirroredEvent[],
): (at: number) => BusMessage {
  const maxPayload = connection.info?.max_payload ?? 1024 * 1024;
  return (at) => toMessage(events[at]!, maxPayload, events[at - 1]?.event_id);
}

function windowed(connection: NatsConnection, events: readonly MirroredEvent[]): Contestant {
  const messageAt = messagesOf(connection, events);
  const client = connection.jetstream();
  const publishAll = async () => {
    const flying: Promise<unknown>[] = [];
    for (let at = 0; at < events.length; at++) {
      if (at >= WINDOW) await flying[at - WINDOW];
      const message = messageAt(at);
      flying.push(client.publish(message.subject, message.data, { headers: headersOf(message) }));
    }
    await Promise.all(flying);
  };
  return {
    name: NAMES.windowed,
    prepare: () => makeStream(connection),
    run: () => rateOf(events.length, publishAll),
  };
}

// Flushes now and then, or Node would hold all messages at once.
async function publishCore(
  connection: NatsConnection,
  messageAt: (at: number) => BusMessage,
  count: number,
): Promise<void> {
  for (let at = 0; at < count; at++) {
    const message = messageAt(at);
    connection.publish(message.subject, message.data, { headers: headersOf(message) });
    if (at % 1000 === 999) await connection.flush();
  }
  await connection.flush();
}

function stored(connection: NatsConnection, events: readonly MirroredEvent[]): Contestant {
  const messageAt = messagesOf(connection, events);
  const publishAll = async () => {
    await publishCore(connection, messageAt, events.length - 1);
    const last = messageAt(events.length - 1);
    const options = { headers: headersOf(last), timeout: 60_000 };
    const answer = await connection.request(last.subject, last.data, options);
    const { seq } = answer.json<{ seq?: number }>();
    if (seq !== events.length) throw new Error(`expected sequence ${events.length}, got ${seq}`);
  };
  return {
    name: NAMES.stored,
    prepare: () => makeStream(connection),
    run: () => rateOf(events.length, publishAll),
  };
}

function core(connection: NatsConnection, events: readonly MirroredEvent[]): Contestant {
  const messageAt = messagesOf(connection, events);
  return {
    name: NAMES.core,
    prepare: () => removeStream(connection),
    run: () => rateOf(events.length, () => publishCore(connection, messageAt, events.length)),
  };
}
