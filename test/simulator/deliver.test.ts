import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { isRunning } from '../../src/embedded/orphan.js';
import { deliver } from '../../src/simulator/deliver.js';
import { simulateWebhooks } from '../../src/simulator/simulate-webhooks.js';
import { runProgram } from '../support/run-program.js';
import { waitFor } from '../support/wait-for.js';

/** A door that takes every connection, and never answers. */
async function createSilentDoor(t: Test): Promise<{ url: URL; calls(): number }> {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.on('error', () => {}).resume();
    t.teardown(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  return { url: new URL(`http://127.0.0.1:${port}/webhooks/munity/token`), calls: () => calls };
}

t.test('webhooks that are not answered in time have failed, and the delivery ends', async (t) => {
  const { url, calls } = await createSilentDoor(t);
  const webhooks = simulateWebhooks();
  const stop = new AbortController();
  const options = { url, webhooks, seconds: 3600, connections: 2, signal: stop.signal };
  const ended = deliver({ ...options, answerWithinMs: 50 });
  let delivered: Awaited<typeof ended> | undefined;
  ended.then((outcome) => {
    delivered = outcome;
  });
  await waitFor(() => calls() >= 4, { what: 'another try after one without an answer' });
  stop.abort();
  const { sent, failed, acknowledged } = await waitFor(() => delivered);
  t.ok(sent >= 4);
  t.same({ failed, acknowledged }, { failed: sent, acknowledged: 0 });
});

t.test('a second Ctrl-C ends a simulation that waits for an answer', async (t) => {
  const { url, calls } = await createSilentDoor(t);
  const program = runProgram(t, ['simulate', '--url', url.href, '--duration', '1h', '--connections', '1']);
  await waitFor(() => calls() > 0);
  await waitFor(
    () => {
      program.kill('SIGINT');
      return !isRunning(program.pid);
    },
    { everyMs: 300 },
  );
  t.match(await program.exit, { code: 1, stderr: '' });
});
