import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import t from 'tap';
import { createThrottle } from '../../src/projector/rebuild/throttle.js';
import { createWorkerLoader } from '../../src/projector/rebuild/worker-loader.js';
import { createRebuildingDatabase } from './rebuilding.js';

t.test('a rebuild waits while live work is behind and somebody catches it up, and only then', async (t) => {
  const { pool, head } = await createRebuildingDatabase(t);
  const throttle = createThrottle({ logPool: pool, readPool: pool, lagLimit: 1000, lookEveryMs: 0 });
  const behind = (events: number) =>
    pool.query('UPDATE projector.checkpoint SET position = $1', [head - events]);
  await throttle.pace();
  t.equal(throttle.liveLag(), 0, 'at the head it goes on');

  await behind(3000);
  await throttle.pace();
  t.equal(throttle.liveLag(), 3000, 'nobody follows: waiting would help nobody');

  let left = 3000;
  let paced = false;
  const catchingUp = (async () => {
    for (; !paced && left > 0; left -= 50) await behind(left);
  })();
  await throttle.pace();
  paced = true;
  await catchingUp;
  t.ok(throttle.liveLag() <= 1000, `went on at ${throttle.liveLag()} events behind`);
});

/** The nice values of this process's threads. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function nicenesses(): number[] {
  const threads = readdirSync('/proc/self/task');
  return threads.map((thread) => {
    const [, fields = ''] = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ');
    return Number(fields.split(' ')[16]);
  });
}

const skip = process.platform !== 'linux' && 'threads have no priority of their own here';
t.test('the threads of a rebuild let whoever shares the machine go first', { skip }, async (t) => {
  const { url, rebuild } = await createRebuildingDatabase(t);
  const before = nicenesses().filter((nice) => nice > getPriority()).length;
  let lower = 0;
  const options = { workers: 1, memoryBytes: 1_000_000, pageEvents: 500 };
  await rebuild(undefined, {
    load: createWorkerLoader({ databaseUrl: url, readDatabaseUrl: url, ...options }),
    onProgress: () => {
      lower = nicenesses().filter((nice) => nice > getPriority()).length;
    },
  });
  t.ok(lower >= before + 2, 'one that folds, one that reads');
});
