import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import type pg from 'pg';
import t, { type Test } from 'tap';
import { createThrottle } from '../../src/projector/rebuild/throttle.js';
import { createWorkerLoader } from '../../src/projector/rebuild/worker-loader.js';
import { createRebuildingDatabase } from './rebuilding.js';

/** Shorter than a pause of the throttle, longer than a look. */
const PAGE_MS = 200;

async function createLagging(t: Test) {
  const { pool, head } = await createRebuildingDatabase(t);
  const throttle = createThrottle({ logPool: pool, readPool: pool, lagLimit: 1000, lookEveryMs: 0 });
  const behind = (events: number, which = 'true') =>
    pool.query(`UPDATE projector.checkpoint SET position = $1 WHERE ${which}`, [head - events]);
  /** Paces while those that are 3000 events behind are caught up. */
  async function paceFollowed(which?: string): Promise<void> {
    let paced = false;
    const catchingUp = (async () => {
      for (let left = 3000; !paced && left > 0; left -= 50) await behind(left, which);
    })();
    await throttle.pace();
    paced = true;
    await catchingUp;
    t.ok(throttle.liveLag() <= 1000, `went on at ${throttle.liveLag()} events behind`);
  }
  return { pool, throttle, behind, paceFollowed };
}

t.test('a rebuild waits while live work is behind and somebody catches it up, and only then', async (t) => {
  const { throttle, behind, paceFollowed } = await createLagging(t);
  await throttle.pace();
  t.equal(throttle.liveLag(), 0, 'at the head it goes on');

  await behind(3000);
  await throttle.pace();
  t.equal(throttle.liveLag(), 3000, 'nobody follows: waiting would help nobody');

  await paceFollowed();
});

t.test('none of several workers goes on while live work is caught up', async (t) => {
  const { pool, head } = await createRebuildingDatabase(t);
  const moveTo = (lag: number) => pool.query('UPDATE projector.checkpoint SET position = $1', [head - lag]);
  let lag = 3000;
  let movedAt = performance.now();
  // As a projector that commits a page between two looks of one worker, and none between the looks of two.
  async function query(...given: Parameters<pg.Pool['query']>) {
    if (performance.now() - movedAt > PAGE_MS) {
      movedAt = performance.now();
      lag = Math.max(0, lag - 600);
      await moveTo(lag);
    }
    return pool.query(...given);
  }
  const readPool = Object.create(pool, { query: { value: query } });
  const throttle = createThrottle({ logPool: pool, readPool, lagLimit: 1000, lookEveryMs: 0 });
  await moveTo(lag);
  await Promise.race([throttle.pace(), throttle.pace()]);
  t.ok(lag <= 1000, `the first that goes on does so at ${lag} events behind`);
});

t.test('a rebuild does not wait for a read model of another log, but for the others beside it', async (t) => {
  const { pool, throttle, behind, paceFollowed } = await createLagging(t);
  const stuck = `build_id = (SELECT build_id FROM projector.build WHERE projection = 'resource')`;
  await pool.query(
    `UPDATE projector.checkpoint SET position = 1, event_id = gen_random_uuid() WHERE ${stuck}`,
  );
  await throttle.pace();
  t.equal(throttle.liveLag(), 0, 'the others are at the head');

  await behind(3000, `NOT ${stuck}`);
  await paceFollowed(`NOT ${stuck}`);
});

t.test(
  'a rebuild does not wait for a read model that nobody follows, but for the others beside it',
  async (t) => {
    const { pool, throttle, behind, paceFollowed } = await createLagging(t);
    let asked = 0;
    pool.on('acquire', () => asked++);
    async function countAsked(): Promise<number> {
      asked = 0;
      await throttle.pace();
      return asked;
    }
    const older = `build_id = (SELECT build_id FROM projector.build WHERE projection = 'resource')`;
    await behind(4000, older);
    await throttle.pace();
    t.equal(throttle.liveLag(), 0, 'it stood still while it was looked at');
    const withOlder = await countAsked();

    await behind(3000, `NOT ${older}`);
    await paceFollowed(`NOT ${older}`);

    await behind(0);
    await throttle.pace();
    t.equal(withOlder, await countAsked(), 'it is looked at once and not waited for, as at the head');
  },
);

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
