import t from 'tap';
import { createThrottle } from '../../src/projector/rebuild/throttle.js';
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
