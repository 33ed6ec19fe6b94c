// The programs in docs/bus.md are run as they are printed there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { packageRoot } from '../../src/postgres/package-root.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import { appendBodies, appendFixture, assertMirrored, startRelay } from './mirrored-log.js';

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
