// A log with the fixture's webhooks, and the questions that all tests of the relay ask.
import { readFileSync } from 'node:fs';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import type pg from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import type { Test } from 'tap';
import type { Envelope } from '../../schemas/envelope.js';
import { STREAM } from '../../src/bus/stream.js';
import { appendEvents } from '../../src/log/append-events.js';
import { createEvent } from '../../src/log/new-event.js';
import { createRelayService, type RelayOptions } from '../../src/relay/relay-service.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { waitFor } from '../support/wait-for.js';

const bodies = readFileSync(new URL('../fixtures/webhooks.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n');
let taken = 0;

/** Appends the next `count` webhooks of the fixture, in commits of 100. */
export async function appendFixture(db: pg.Pool | pg.ClientBase, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 100)
    await appendBodies(
      db,
      Array.from({ length: Math.min(left, 100) }, () => bodies[taken++ % bodies.length]!),
    );
}

/** Appends bodies in one commit. */
export async function appendBodies(db: pg.Pool | pg.ClientBase, texts: readonly string[]): Promise<void> {
  const receipt = { source: 'test', received_at: new Date().toISOString() };
  const events = texts.map((text) => createEvent(JSON.parse(text) as Envelope, Buffer.from(text), receipt));
  await appendEvents(db, events);
}

/** A relay that is stopped with the test. */
export async function startRelay(
  t: Pick<Test, 'teardown'>,
  options: Pick<RelayOptions, 'databaseUrl' | 'natsUrl'> & Partial<RelayOptions>,
) {
  const relay = createRelayService({
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    pollMs: 20,
    refusedRetryMs: 50,
    ...options,
  });
  t.teardown(() => relay.stop());
  await relay.start();
  return relay;
}

/** A connection and its stream API, closed with the test. */
export async function openBus(t: Pick<Test, 'teardown'>, url: string) {
  const connection: NatsConnection = await connect({
    servers: url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  t.teardown(() => connection.close());
  const manager: JetStreamManager = await connection.jetstreamManager();
  const sequence = async () => (await manager.streams.info(STREAM)).state.last_seq;
  return { connection, manager, sequence };
}

/** Waits until the stream holds `count` messages, and compares each with its event. */
export async function assertMirrored(t: Test, pool: pg.Pool, natsUrl: string, count: number): Promise<void> {
  const found = await waitFor(
    async () => {
      const outcome = await verifyBus({ pool, natsUrl });
      return (outcome.sequence >= count || outcome.difference) && outcome;
    },
    { what: `${count} messages in the stream`, everyMs: 50, timeoutMs: 30_000 },
  );
  const whole = { compared: count, first_sequence: 1, sequence: count, head: count };
  t.same(found, whole, 'message n is event n, for every n');
}
