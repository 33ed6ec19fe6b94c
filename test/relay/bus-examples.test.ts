// The programs in docs/bus.md are run as they are printed there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { STREAM } from '../../src/bus/stream.js';
import { findProgram } from '../../src/embedded/find-program.js';
import { findFreePort } from '../../src/embedded/free-port.js';
import { readNatsInfo } from '../../src/embedded/nats-info.js';
import { appendEvents } from '../../src/log/append-events.js';
import { readAfter } from '../../src/log/read-log.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { fixtureBodies, newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

const page = readFileSync(join(packageRoot(), 'docs/bus.md'), 'utf8');
const programs = [...page.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]!);

function runExample(t: Test, name: string, env: Record<string, string>, cwd = packageRoot()) {
  const program = programs.find((text) => text.startsWith(`// ${name}`))!;
  const child = spawn(process.execPath, ['--input-type=module'], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [output, told] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (told += text));
  child.stdin.end(program);
  t.teardown(() => child.kill('SIGKILL'));
  return { output: () => output, told: () => told, exit: once(child, 'close') };
}

t.test('the examples for subscribers do what they say', async (t) => {
  const [database, server] = await Promise.all([createTestDatabase(t), createTestBus(t)]);
  await appendFixture(database.pool, 700);
  await startRelay(t, { databaseUrl: database.url, natsUrl: server.url });
  await assertMirrored(t, database.pool, server.url, 700);

  const watch = runExample(t, 'watch.mjs', { NATS_URL: server.url, COUNT: '1' });
  const subscriber = runExample(t, 'subscriber.mjs', {
    NATS_URL: server.url,
    LAST_POSITION: '100',
    UNTIL: '701',
  });
  await waitFor(() => watch.output() === 'watching\n');
  const payload = { id: 'i.1', error: 'expired' };
  await appendBodies(database.pool, [
    JSON.stringify({ workspace_id: 'w 1', event: 'integration_cannot_refresh_oauth_token', payload }),
  ]);
  await Promise.all([watch.exit, subscriber.exit]);
  t.equal(watch.output(), 'watching\nw 1 i.1 expired\n');
  const positions = subscriber
    .output()
    .trim()
    .split('\n')
    .map((line) => Number(line.split(' ')[0]));
  t.same(
    positions,
    Array.from({ length: 601 }, (_, index) => index + 101),
  );
});

t.test(
  'events that a restored log lost are saved from the stream, and come into the log again',
  async (t) => {
    const [old, log, server] = await Promise.all([
      createTestDatabase(t),
      createTestDatabase(t),
      createTestBus(t),
    ]);
    const receivedAt = '2026-01-02T03:04:05.678Z';
    const events = fixtureBodies()
      .slice(0, 30)
      .map((body, n) => ({ ...newEvent(body, receivedAt), source: n % 2 === 0 ? 'munity' : 'other' }));
    await appendEvents(old.pool, events);
    await appendEvents(log.pool, events.slice(0, 20));
    const first = await startRelay(t, { databaseUrl: old.url, natsUrl: server.url });
    await assertMirrored(t, old.pool, server.url, 30);
    await first.stop();
    await appendFixture(log.pool, 3);
    const { connection, manager } = await openBus(t, server.url);
    for (const seq of [5, 25]) await manager.streams.deleteMessage(STREAM, seq);
    await connection.jetstream().publish('munity.by.a.stranger', '{}');
    const { difference } = await verifyBus({ pool: log.pool, natsUrl: server.url });
    t.equal(difference?.position, 5);

    const env = { NATS_URL: server.url, DATABASE_URL: log.url, FROM: String(difference?.position) };
    const folder = t.testdir({}); // Within the package, so that its modules are found.
    const save = runExample(t, 'save.mjs', env, folder);
    t.same(await save.exit, [0, null]);
    t.equal(save.told(), '5: was removed\n25: was removed\n31: no event of hookfold\n');
    for (const source of ['munity', 'other']) {
      const file = join(folder, `lost.${source}.ndjson`);
      const imported = runProgram(t, ['import', file, '--source', source], { DATABASE_URL: log.url });
      t.match(await imported.exit, { code: 0 });
    }
    await manager.streams.delete(STREAM);
    const asSent = ({ source, received_at, body }: LoggedEvent) => ({ source, received_at, body });
    const lost = (await readAfter(old.pool, 20, 100)).filter(({ position }) => position !== 25).map(asSent);
    t.same((await readAfter(log.pool, 23, 100)).map(asSent), [
      ...lost.filter(({ source }) => source === 'munity'),
      ...lost.filter(({ source }) => source === 'other'),
    ]);
    await startRelay(t, { databaseUrl: log.url, natsUrl: server.url });
    await assertMirrored(t, log.pool, server.url, 32);
  },
);

t.test('the examples connect as a user of the server', async (t) => {
  const port = await findFreePort();
  const args = ['-a', '127.0.0.1', '-p', String(port), '--user', 'me', '--pass', 'secret'];
  const server = spawn(findProgram('nats-server')!, args, { stdio: 'ignore' });
  t.teardown(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  });
  await waitFor(() => readNatsInfo(port));
  const env = { NATS_URL: `127.0.0.1:${port}`, NATS_USER: 'me', NATS_PASSWORD: 'secret' };
  const watch = runExample(t, 'watch.mjs', env);
  await waitFor(() => watch.output() === 'watching\n');
});
