// A server on which the stream cannot be, or that goes: what the relay and commands say of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { describeError } from '../../src/cli/describe-error.js';
import { findProgram } from '../../src/embedded/find-program.js';
import { findFreePort } from '../../src/embedded/free-port.js';
import { readBusState } from '../../src/relay/bus-state.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

async function startWithoutJetStream(t: Pick<Test, 'teardown'>): Promise<string> {
  const port = await findFreePort();
  const server = spawn(findProgram('nats-server')!, ['-a', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  t.teardown(async () => {
    server.kill('SIGKILL');
    await ended;
  });
  return `nats://127.0.0.1:${port}`;
}

t.test('where JetStream is off, that is said, and how to turn it on', async (t) => {
  const [{ pool, url }, natsUrl] = await Promise.all([createTestDatabase(t), startWithoutJetStream(t)]);
  const relay = await startRelay(t, { databaseUrl: url, natsUrl });
  await waitFor(() => relay.status().state === 'failing');
  const off = /^JetStream is off: start nats-server with -js/;
  t.match(relay.status().error, off);
  t.match(await readBusState(pool, natsUrl), { sequence: null, reason: off });
  await t.rejects(verifyBus({ pool, natsUrl }), { message: off });
});

t.test('where another stream has the subjects, the relay and status say so', async (t) => {
  const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const { manager } = await openBus(t, server.url);
  await manager.streams.add({ name: 'OTHER', subjects: ['munity.*.*.>'] });
  await appendFixture(pool, 5);
  const relay = await startRelay(t, { databaseUrl: url, natsUrl: server.url });
  await waitFor(() => relay.status().state === 'refused');
  t.match(relay.status().error, /makes no stream HOOKFOLD of munity\.>: subjects overlap/);
  t.match((await readBusState(pool, server.url)).reason, /makes no stream HOOKFOLD.*stream OTHER has some/);
  await manager.streams.delete('OTHER');
  await assertMirrored(t, pool, server.url, 5);
});

t.test('where no server listens, a command asks whether it runs', async (t) => {
  const { pool } = await createTestDatabase(t);
  const natsUrl = `nats://127.0.0.1:${await findFreePort()}`;
  const error = await verifyBus({ pool, natsUrl }).catch((error: Error) => error);
  t.match(describeError(error), /^CONNECTION_REFUSED\. Is the server that .*NATS_URL names running\?/);
});

t.test('where the server goes while the stream is compared, the command asks whether it runs', async (t) => {
  const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(pool, 600);
  await startRelay(t, { databaseUrl: url, natsUrl: server.url });
  await assertMirrored(t, pool, server.url, 600);
  let stopped: Promise<void> | undefined;
  const onProgress = () => {
    stopped ??= server.kill();
  };
  const error = await verifyBus({ pool, natsUrl: server.url, onProgress }).catch((error: Error) => error);
  await stopped;
  t.match(describeError(error), /NATS_URL names running\?$|nats-server did not answer in time/);
});

t.test('where the stream goes while the relay publishes, it says so', async (t) => {
  const [{ pool, url }, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  const told: string[] = [];
  const warn = ({ err }: { err?: Error }) => void told.push(err?.message ?? '');
  const logger = { info: () => {}, warn, error: warn } as never;
  await startRelay(t, { databaseUrl: url, natsUrl: server.url, logger });
  const { manager } = await openBus(t, server.url);
  // Its comparison may notice before it publishes, now and then.
  for (let count = 1; !told.some((text) => /stream HOOKFOLD was deleted/.test(text)); count++) {
    await appendFixture(pool, 1);
    await assertMirrored(t, pool, server.url, 2 * count - 1);
    await manager.streams.delete(STREAM);
    await appendFixture(pool, 1);
    await assertMirrored(t, pool, server.url, 2 * count);
  }
  t.notOk(told.includes('503'));
});
