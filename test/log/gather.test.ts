import t from 'tap';
import { createAppender } from '../../src/log/appender.js';
import { createGathering } from '../../src/log/gather.js';
import { createPool } from '../../src/postgres/connect.js';
import { newEvent } from '../support/fill-log.js';
import { createTestDatabase } from '../support/test-database.js';

/** What a commit of `count` events answers that begins after `before`. */
const answers = (before: number, count: number, duplicate = false) =>
  Array.from({ length: count }, (_, index) => ({
    position: before + 1 + index,
    event_id: `e${index}`,
    duplicate,
  }));

t.test('a log that nobody shares is not waited for', async (t) => {
  const gathering = createGathering();
  for (let before = 0; before < 100; before += 10) t.equal(gathering.committed(answers(before, 10), 1000), 0);
});

t.test("the others' share of a commit's time is gathered for", async (t) => {
  const gathering = createGathering();
  gathering.committed(answers(0, 10), 8);
  t.equal(gathering.committed(answers(40, 10), 8), 6, 'thirty of forty were of others');
  t.equal(gathering.committed(answers(50, 10), 8), 0, 'they are gone');
  t.equal(gathering.committed(answers(90, 10), 5000), 25, 'it is bounded');
});

t.test('what others appended while nothing waited here does not count', async (t) => {
  const gathering = createGathering();
  gathering.committed(answers(0, 10), 8);
  gathering.idle();
  t.equal(gathering.committed(answers(5000, 10), 8), 0);
  t.equal(gathering.committed(answers(5020, 10), 8), 4);
});

t.test('repeats say nothing of the head', async (t) => {
  const gathering = createGathering();
  gathering.committed(answers(100, 10), 8);
  t.equal(gathering.committed(answers(3, 10, true), 8), 0);
  t.equal(gathering.committed([...answers(3, 5, true), ...answers(110, 10)], 8), 0);
  t.equal(gathering.committed([...answers(130, 10), ...answers(3, 5, true)], 9), 4.5);
});

// Without gathering a half of the callers waits for the commit in flight, a half for the next.
t.test('appenders that share a log commit nearly all that wait for them at once', async (t) => {
  const { url } = await createTestDatabase(t);
  const CALLERS = 16;
  const EACH = 60;
  const meanBatch = async () => {
    const pool = createPool(url, { max: 1 });
    let commits = 0;
    let events = 0;
    const appender = createAppender({
      pool,
      observer: {
        committed(count) {
          commits += 1;
          events += count;
        },
        failed: (_, error) => t.fail(String(error)),
      },
    });
    const caller = async () => {
      for (let left = EACH; left > 0; left--) await appender.append(newEvent({ event: 'x', payload: {} }));
    };
    const first = Array.from({ length: CALLERS / 2 }, caller);
    while (pool.idleCount === pool.totalCount) await new Promise(setImmediate);
    const second = Array.from({ length: CALLERS / 2 }, caller);
    await Promise.all([...first, ...second]);
    await appender.idle();
    await pool.end();
    return events / commits;
  };
  for (const mean of await Promise.all([meanBatch(), meanBatch(), meanBatch()]))
    t.ok(mean > CALLERS * 0.7, `${mean.toFixed(1)} of ${CALLERS} callers a commit`);
});

t.test('others are forgotten after two batches of which it is not known what came before', async (t) => {
  const gathering = createGathering();
  gathering.committed(answers(0, 10), 8);
  gathering.committed(answers(11, 10), 8);
  t.ok(gathering.isShared());
  gathering.idle();
  gathering.committed(answers(21, 10), 8);
  t.ok(gathering.isShared(), 'a moment without a request says nothing of them');
  gathering.idle();
  gathering.committed(answers(31, 10), 8);
  t.notOk(gathering.isShared(), 'where each batch is all that waits, none would tell that they are gone');
});
