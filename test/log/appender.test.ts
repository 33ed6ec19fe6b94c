import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { createAppender } from '../../src/log/appender.js';
import { readHead } from '../../src/log/read-log.js';
import { createPool } from '../../src/postgres/connect.js';
import { createTestDatabase } from '../support/test-database.js';
import { event, POISON, prepare, waitingBackend } from './appending.js';

t.test('a commit that fails twice fails what waits behind it, and nothing after it', async (t) => {
  const { pool, commits, connections, holdHead } = await prepare(t);
  const failures: number[] = [];
  const appender = createAppender({
    pool: commits,
    observer: { committed() {}, failed: (events) => failures.push(events) },
  });
  t.match(await appender.append(event('a')), { position: 1 });
  const release = await holdHead();
  const outcomes = Promise.allSettled([appender.append(event('b'))]);
  const first = await waitingBackend(pool);
  const behind = Promise.allSettled([appender.append(event('c')), appender.append(event('d'))]);
  await pool.query('SELECT pg_terminate_backend($1)', [first]);
  const second = await waitingBackend(pool, first);
  await pool.query('SELECT pg_terminate_backend($1)', [second]);
  for (const { status } of [...(await outcomes), ...(await behind)]) t.equal(status, 'rejected');
  t.same(failures, [3]);
  await appender.idle();
  await release();
  t.match(await appender.append(event('e')), { position: 2 }, 'what failed left no gap');
  t.equal(connections(), 3, 'one each time');
});

t.test(
  'a connection that is cut off while its commit waits is replaced, and the batch committed once',
  async (t) => {
    const { pool, commits, holdHead } = await prepare(t);
    const appender = createAppender({ pool: commits });
    const release = await holdHead();
    const answers = Promise.all([appender.append(event('a')), appender.append(event('b'))]);
    const first = await waitingBackend(pool);
    const behind = appender.append(event('c'));
    await pool.query('SELECT pg_terminate_backend($1)', [first]);
    await waitingBackend(pool, first);
    await release();
    t.match(await answers, [{ position: 1 }, { position: 2 }]);
    t.match(await behind, { position: 3 });
  },
);

t.test(
  'poison events are refused alone, on the same connection, and those behind them are committed',
  async (t) => {
    const { pool, commits, connections, holdHead } = await prepare(t);
    const appender = createAppender({ pool: commits });
    const release = await holdHead();
    const first = appender.append(event('first'));
    await waitingBackend(pool);
    const names = ['a', 'poison', 'b', 'poison', 'c'];
    const all = Promise.allSettled(
      names.map((name) => appender.append(event(name, name === 'poison' ? POISON : undefined))),
    );
    await release();
    await first;
    const last = appender.append(event('last'));
    t.match(await all, [
      { value: { position: 2 } },
      { reason: { code: 'HOOKFOLD_EVENT_REFUSED' } },
      { value: { position: 3 } },
      { reason: { code: 'HOOKFOLD_EVENT_REFUSED' } },
      { value: { position: 4 } },
    ]);
    t.match(await last, { position: 5 });
    t.equal(connections(), 1);
  },
);

t.test('idle means that all are answered and the connection is given back', async (t) => {
  const { pool, commits } = await prepare(t);
  const appender = createAppender({ pool: commits, limits: { batchEvents: 10 } });
  await appender.idle();
  let answered = 0;
  const all = Array.from({ length: 95 }, (_, index) =>
    appender.append(event(String(index))).then(() => {
      answered += 1;
    }),
  );
  await appender.idle();
  await new Promise(setImmediate);
  t.equal(answered, all.length);
  t.equal(commits.idleCount, commits.totalCount);
  t.equal(await readHead(pool), 95);
  const { rows } = await pool.query('SELECT count FROM seal ORDER BY last_position');
  t.same(
    rows.map(({ count }) => count),
    [10, 10, 10, 10, 10, 10, 10, 10, 10, 5],
  );
});

t.test('positions follow each other whatever isolation the database is set to', async (t) => {
  const { pool, url, name } = await createTestDatabase(t);
  await pool.query(`ALTER DATABASE ${name} SET default_transaction_isolation = 'repeatable read'`);
  const pools = [createPool(url), createPool(url)];
  t.teardown(() => Promise.all(pools.map((each) => each.end())));
  const first = await pools[0]!.connect();
  await first.query('BEGIN');
  await appendEvents(first, [event('a')]);
  const second = createAppender({ pool: pools[1]! }).append(event('b'));
  await waitingBackend(pool);
  await first.query('COMMIT');
  first.release();
  t.match(await second, { position: 2 });
});

t.test('a fault of the log’s own numbering or partitions is no fault of the event', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  const stale = createPool(url, { settings: `SET default_transaction_isolation = 'repeatable read'` });
  t.teardown(() => stale.end());
  const first = await pool.connect();
  await first.query('BEGIN');
  await appendEvents(first, [event('a')]);
  const second = createAppender({ pool: stale }).append(event('b'));
  const failed = t.rejects(second, { code: '23505' });
  await waitingBackend(pool);
  await first.query('COMMIT');
  first.release();
  await failed;

  const appender = createAppender({ pool });
  await pool.query('ALTER TABLE event_log DETACH PARTITION event_log_1');
  await t.rejects(appender.append(event('c')), { code: '23514', constraint: undefined });
  await pool.query('ALTER TABLE event_log ATTACH PARTITION event_log_1 FOR VALUES FROM (1) TO (5000001)');
  t.match(await appender.append(event('d')), { position: 2 });
});
