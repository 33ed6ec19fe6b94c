// A time of the log as a position, also where partitions are detached.
import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { readPositionAt } from '../../src/log/read-history.js';
import { newEvent } from '../support/fill-log.js';
import { createPartitionedLog, SIZE } from '../support/partitioned-log.js';
import { updated } from '../support/query-webhooks.js';

const HEAD = 3 * SIZE - 20;
/** When the event at a position was received. */
const timeOf = (position: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, position)).toISOString();

/** The position itself, and the events without a time that follow it. */
function reachedAt(position: number, detached: readonly number[]): number {
  const isMissing = (at: number) => detached.some((first) => at >= first && at < first + SIZE);
  let reached = position;
  while (reached < HEAD && isMissing(reached + 1)) reached++;
  return reached;
}

t.test('a time is the position that the log had reached, whichever partitions are detached', async (t) => {
  const { database, detach, attach } = await createPartitionedLog(t);
  const { pool } = database;
  t.equal(await readPositionAt(pool, timeOf(0)), 0, 'of an empty log it is 0');
  await appendEvents(
    pool,
    Array.from({ length: HEAD }, (_, n) => newEvent(updated('r', n), timeOf(n + 1))),
  );
  const all = [1, 1 + SIZE, 1 + 2 * SIZE];
  for (let set = 0; set < 2 ** all.length; set++) {
    const detached = all.filter((_, index) => set & (1 << index));
    for (const first of detached) await detach(first);
    for (let position = 0; position <= HEAD + 10; position += 7) {
      const there = Math.min(position, HEAD);
      const last = detached.findLast((first) => there >= first && there < first + SIZE);
      const want = reachedAt(last === undefined ? there : last - 1, detached);
      const found = await readPositionAt(pool, timeOf(position));
      if (found !== want) t.equal(found, want, `at ${position} without ${detached}`);
    }
    for (const first of detached) await attach(first);
  }
  t.equal(await readPositionAt(pool, timeOf(HEAD)), HEAD);
});
