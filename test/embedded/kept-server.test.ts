import t, { type Test } from 'tap';
import { keepServer } from '../../src/embedded/kept-server.js';
import { startServerProcess } from '../../src/embedded/server-process.js';
import { waitFor } from '../support/wait-for.js';

/** A server that runs until it is ended. */
async function startSleeper(t: Test) {
  const logFile = `${t.testdir({})}/log`;
  const process = await startServerProcess({ command: 'sleep', args: ['1000'], logFile });
  const kill = () => process.end([{ signal: 'SIGKILL', withinMs: 5_000 }]);
  t.teardown(kill);
  return { ...process, port: 1, stop: kill, kill };
}

t.test('a stop while a server is started again ends the new one, too', async (t) => {
  const started: Awaited<ReturnType<typeof startSleeper>>[] = [];
  let beAnswering = () => {};
  const answers = new Promise<void>((resolve) => {
    beAnswering = resolve;
  });
  const kept = await keepServer({
    name: 'sleeper',
    start: async () => {
      started.push(await startSleeper(t));
      if (started.length > 1) await answers;
      return started.at(-1)!;
    },
    say: () => {},
    signal: new AbortController().signal,
  });
  await kept.server.kill();
  await waitFor(() => started.length === 2);
  const stopped = kept.stop(1_000);
  beAnswering();
  await stopped;
  t.same(
    started.map((server) => server.isAlive()),
    [false, false],
  );
});

t.test('a stop gives up a start that is under way, and starts nothing again', async (t) => {
  let starts = 0;
  const said: string[] = [];
  const kept = await keepServer({
    name: 'sleeper',
    start: async (signal) => {
      starts += 1;
      if (starts === 1) return startSleeper(t);
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
  });
  await kept.server.kill();
  await waitFor(() => starts === 2);
  await kept.stop(1_000);
  t.equal(starts, 2);
  t.same(said, ['sleeper ended by SIGKILL; starting it again']);
});
