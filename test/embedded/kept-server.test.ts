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
  const kept = keepServer({
    name: 'sleeper',
    start: async () => {
      started.push(await startSleeper(t));
      if (started.length > 1) await answers;
      return started.at(-1)!;
    },
    say: () => {},
    signal: new AbortController().signal,
  });
  await waitFor(() => started.length === 1);
  await started[0]!.kill();
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
  const first = await startSleeper(t);
  const options = {
    name: 'sleeper',
    start: async (signal: AbortSignal) => {
      starts += 1;
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    say: (line: string) => void said.push(line),
    signal: new AbortController().signal,
  };
  const kept = keepServer(options, first);
  await first.kill();
  await waitFor(() => starts === 1);
  await kept.stop(1_000);
  t.equal(starts, 1);
  t.same(said, ['sleeper ended by SIGKILL; starting it again']);
});

t.test('a server that cannot be started is tried until it can be, and it is said once', async (t) => {
  let starts = 0;
  const said: string[] = [];
  const kept = keepServer({
    name: 'sleeper',
    start: async () => {
      starts += 1;
      if (starts < 3) throw new Error('not today');
      return startSleeper(t);
    },
    say: (line) => void said.push(line),
    signal: new AbortController().signal,
  });
  await waitFor(() => said.length === 2);
  t.same(said, ['sleeper cannot be started: not today', 'sleeper runs']);
  await kept.stop(1_000);
});
