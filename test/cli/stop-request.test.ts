import t, { type Test } from 'tap';
import { forkTypescript } from '../support/fork-typescript.js';
import { waitFor } from '../support/wait-for.js';

/** A program that listens for stops, and the lines that it has written. */
async function startListener(t: Test) {
  const child = forkTypescript(new URL('stop-process.ts', import.meta.url), [], { silent: true });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text) => (output += text));
  const lines = () => output.split('\n').slice(0, -1);
  await waitFor(() => lines().includes('ready'));
  return { child, lines };
}

t.test('a supervisor that goes asks for a stop', async (t) => {
  const { child, lines } = await startListener(t);
  child.disconnect();
  await waitFor(() => lines().includes('asked: the supervisor is gone'));
});

t.test('in the middle of a stop it asks for nothing more, as a second signal does', async (t) => {
  const { child, lines } = await startListener(t);
  const heard = () => lines().filter((line) => line === 'signal').length;
  // One at a time, until one comes late enough to be another request.
  while (!lines().includes('again')) {
    const before = heard();
    child.kill('SIGTERM');
    await waitFor(() => heard() > before);
  }
  t.ok(lines().includes('asked: SIGTERM'));
  const before = lines();
  child.disconnect();
  await waitFor(() => lines().includes('gone'));
  t.same(lines(), [...before, 'gone']);
});
