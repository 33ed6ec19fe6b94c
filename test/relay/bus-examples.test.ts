// The programs in docs/bus.md are run as they are printed there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { STREAM } from '../../src/bus/stream.js';
import { appendEvents } from '../../src/log/append-events.js';
import { readAfter } from '../../src/log/read-log.js';
import { packageRoot } from '../../src/postgres/package-root.js';
import { verifyBus } from '../../src/relay/verify-bus.js';
import { fixtureBodies, newEvent } from '../support/fill-log.js';
import { runProgram } from '../support/run-program.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { createTestHome } from '../support/test-home.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, appendFixture, assertMirrored, openBus, startRelay } from './mirrored-log.js';

const page = readFileSync(join(packageRoot(), 'docs/bus.md'), 'utf8');
const programs = [...page.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]!);

function runExample(t: Test, name: string, env: Record<string, string>) {
  const program = programs.find((text) => text.startsWith(`// ${name}`))!;
  const child = spawn(process.execPath, ['--input-type=module'], {
    cwd: packageRoot(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stdin.end(program);
  t.teardown(() => child.kill('SIGKILL'));
  return { output: () => output, exit: once(child, 'close') };
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
    const events = fixtureBodies()
      .slice(0, 30)
      .map((body) => newEvent(body, '2026-01-02T03:04:05.678Z'));
    await appendEvents(old.pool, events);
    await appendEvents(log.pool, events.slice(0, 20));
    const first = await startRelay(t, { databaseUrl: old.url, natsUrl: server.url });
    await assertMirrored(t, old.pool, server.url, 30);
    await first.stop();
    await appendFixture(log.pool, 3);
    const { difference } = await verifyBus({ pool: log.pool, natsUrl: server.url });
    t.equal(difference?.position, 21);

    const save = runExample(t, 'save.mjs', { NATS_URL: server.url, FROM: String(difference?.position) });
    t.same(await save.exit, [0, null]);
    const { manager } = await openBus(t, server.url);
    await manager.streams.delete(STREAM);
    const file = join(createTestHome(t), 'lost.ndjson');
    writeFileSync(file, save.output());
    t.match(await runProgram(t, ['import', file], { DATABASE_URL: log.url }).exit, { code: 0 });
    const asSent = ({ received_at, body }: { received_at: string; body: string }) => ({ received_at, body });
    t.same(
      (await readAfter(log.pool, 23, 100)).map(asSent),
      (await readAfter(old.pool, 20, 100)).map(asSent),
    );
    await startRelay(t, { databaseUrl: log.url, natsUrl: server.url });
    await assertMirrored(t, log.pool, server.url, 33);
  },
);
