import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { createAppender } from '../../src/log/appender.js';
import { readHead } from '../../src/log/read-log.js';
import { waitFor } from '../support/wait-for.js';
import { event, prepare, waitingBackend, watched } from './appending.js';

t.test('a batch is sent before the one that was committed is answered', async (t) => {
  const { pool, commits, holdHead } = await prepare(t);
  const appender = createAppender({ pool: commits });
  const release = await holdHead();
  const order: string[] = [];
  const first = appender.append(event('first')).then(() => order.push('first answered'));
  await waitingBackend(pool);
  const second = appender
    .append(watched('second', () => order.push('second sent')))
    .then(() => order.push('second answered'));
  await release();
  await Promise.all([first, second]);
  t.same(order, ['second sent', 'first answered', 'second answered']);
});

t.test(
  'many callers do not get in step: a batch leaves half of all that are under way for the next',
  async (t) => {
    const { pool, commits } = await prepare(t);
    const appender = createAppender({ pool: commits });
    const caller = async () => {
      for (let left = 4; left > 0; left--) await appender.append(event('x'));
    };
    await Promise.all(Array.from({ length: 100 }, caller));
    const { rows } = await pool.query('SELECT count FROM seal ORDER BY last_position');
    t.same(
      rows.map(({ count }) => count),
      [50, 50, 50, 50, 50, 50, 50, 50],
    );
  },
);

t.test('few callers are committed together', async (t) => {
  const { pool, commits } = await prepare(t);
  const appender = createAppender({ pool: commits });
  await Promise.all(Array.from({ length: 60 }, () => appender.append(event('x'))));
  const { rows } = await pool.query('SELECT count FROM seal ORDER BY last_position');
  t.same(
    rows.map(({ count }) => count),
    [60],
  );
});

t.test('beside another appender, those under way are gathered until they all wait again', async (t) => {
  const { pool, commits } = await prepare(t);
  const appender = createAppender({ pool: commits });
  let turns = 0;
  const turn = () => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  let isHeld = false;
  let isOver = false;
  let waited: number | undefined;
  turn();
  const caller = async () => {
    while (!isOver) {
      const answered = turns;
      const onSent = () => {
        if (!wasHeld) return;
        waited ??= turns - answered;
        isOver = true;
      };
      const wasHeld = isHeld;
      await appender.append(watched('x', onSent));
    }
  };
  // From here on one waits while the other's commit is in flight.
  const callers = [caller()];
  await new Promise(setImmediate);
  callers.push(caller());
  await waitFor(async () => (await readHead(pool)) > 1);
  const other = await pool.connect();
  await other.query('BEGIN');
  await appendEvents(other, [event('of another')]);
  await waitingBackend(pool, 0, '50 ms');
  isHeld = true;
  await other.query('COMMIT');
  await Promise.all(callers);
  t.ok(waited! <= 2, `${waited} turns of the event loop, where half of the 50 ms would be many`);
  other.release();
});

const BODY_BYTES = event('a').body.length;
for (const [whole, limits] of [
  ['of as many events as one takes', { batchEvents: 2 }],
  ['of as many bytes as one takes', { batchBytes: 2 * BODY_BYTES }],
] as const)
  for (const [when, isEarly] of [
    ['that waits already', true],
    ['that comes to wait', false],
  ] as const)
    t.test(
      `beside another appender, a batch ${whole}, ${when}, is not gathered for any longer`,
      async (t) => {
        const { pool, commits, holdHead } = await prepare(t);
        const appender = createAppender({ pool: commits, limits });
        let turns = 0;
        let waited: number | undefined;
        const turn = () => {
          turns += 1;
          if (waited === undefined) setImmediate(turn);
        };
        const appendLast = () =>
          appender.append(
            watched('d', () => {
              waited = turns;
            }),
          );
        const release = await holdHead();
        const first = appender.append(event('first'));
        const backend = await waitingBackend(pool);
        const other = await pool.connect();
        await other.query('BEGIN');
        // In this line nobody overtakes, as the pair might at the row of the head.
        const othersAppend = other
          .query('LOCK log_setting IN EXCLUSIVE MODE')
          .then(() => appendEvents(other, [event('of another')]));
        await waitingBackend(pool, backend);
        const pair = [appender.append(event('a')), appender.append(event('b'))];
        const third = appender.append(event('c'));
        const early = isEarly ? appendLast() : undefined;
        await release();
        await Promise.all([first, othersAppend]);
        await waitingBackend(pool, 0, '50 ms');
        await other.query('COMMIT');
        other.release();
        await Promise.all(pair);
        turn();
        await Promise.all([third, early ?? appendLast()]);
        t.ok(waited! <= 3, `${waited} turns of the event loop, where half of the 50 ms would be many`);
      },
    );
