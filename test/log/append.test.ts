import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { createAppender, EventRefused } from '../../src/log/appender.js';
import { readAfter, readHead } from '../../src/log/read-log.js';
import { verifyLog } from '../../src/log/verify-log.js';
import { createPool } from '../../src/postgres/connect.js';
import { newEvent } from '../support/fill-log.js';
import { forkTypescript } from '../support/fork-typescript.js';
import { readTestServers } from '../support/runner-file.js';
import { createTestDatabase } from '../support/test-database.js';

interface Answer {
  position: number;
  duplicate: boolean;
}

/** Starts a process that appends; resolves with what each of its events was answered. */
function appendElsewhere(url: string, source: string, count: number, waits = false) {
  const file = new URL('append-process.ts', import.meta.url);
  const args = [url, source, String(count), ...(waits ? ['waits'] : [])];
  const child = forkTypescript(file, args);
  const answers = new Promise<Answer[]>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Answer[]));
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
  return { answers, go: () => child.send('go') };
}

const event = (name: string, delivery_id: string | null = null) => ({
  ...newEvent({ event: name, payload: {} }),
  delivery_id,
});
const positions = (answers: readonly Answer[]) => answers.map(({ position }) => position);

t.test(
  'eight processes at once: no position is missing, and a reader along sees each once, in order',
  async (t) => {
    const database = await createTestDatabase(t);
    const total = 20_000;
    const idle = new pg.Client({ connectionString: readTestServers().postgresUrl });
    await idle.connect();
    await idle.query('BEGIN; SELECT pg_current_xact_id()');
    t.teardown(() => idle.end());

    const processes = Array.from({ length: 8 }, (_, index) =>
      appendElsewhere(database.url, `process-${index}`, total / 8),
    );
    const seen: number[] = [];
    const perSource = new Map<string, number>();
    let inOrder = true;
    while (seen.length < total) {
      for (const { position, source, body } of await readAfter(database.pool, seen.length, 1000)) {
        seen.push(position);
        const { n } = JSON.parse(body).payload;
        inOrder &&= position === seen.length && n === (perSource.get(source) ?? -1) + 1;
        perSource.set(source, n);
      }
    }
    t.ok(inOrder, 'positions follow each other, and so do the events of a process');
    const answered = (await Promise.all(processes.map(({ answers }) => answers))).flatMap(positions);
    answered.sort((a, b) => a - b);
    t.ok(
      answered.every((position, index) => position === index + 1),
      'each was answered with a position of its own',
    );
    t.equal(answered.length, total);
    const seals = await database.pool.query(
      'SELECT sum(count) AS count, max(last_position) AS last FROM seal',
    );
    t.match(seals.rows, [{ count: String(total), last: total }]);
  },
);

t.test('the same delivery id from two processes at once is one event, which both answers name', async (t) => {
  const database = await createTestDatabase(t);
  const both = [appendElsewhere(database.url, 's', 500, true), appendElsewhere(database.url, 's', 500, true)];
  for (const { go } of both) go();
  const [first, second] = await Promise.all(both.map(({ answers }) => answers));
  t.same(positions(first!), positions(second!));
  t.equal([...first!, ...second!].filter(({ duplicate }) => !duplicate).length, 500);
  t.equal(await readHead(database.pool), 500);
  const again = await appendEvents(database.pool, [event('a', 'new'), event('b'), event('c', 'new')]);
  t.match(
    again,
    [{ position: 501 }, { position: 502 }, { position: 501, duplicate: true }],
    'within one batch, too',
  );
});

t.test('a batch that is rolled back leaves no gap', async (t) => {
  const { pool } = await createTestDatabase(t);
  await appendEvents(pool, [event('a')]);
  const client = await pool.connect();
  await client.query('BEGIN');
  t.match(await appendEvents(client, [event('b'), event('c', 'id')]), [{ position: 2 }, { position: 3 }]);
  await client.query('ROLLBACK');
  client.release();
  t.match(await appendEvents(pool, [event('d', 'id')]), [{ position: 2, duplicate: false }]);
});

t.test('a poison event in a batch fails alone', async (t) => {
  const { pool } = await createTestDatabase(t);
  const appender = createAppender({ pool });
  const poison = { ...event('poison'), body: Buffer.from('{"event": "poison", "payload": }') };
  const names = [...Array(20).keys()].map(String);
  const outcomes = await Promise.allSettled(
    [...names.map((name) => event(name)), poison].map(appender.append),
  );
  t.same(
    outcomes.map(({ status }) => status),
    [...names.map(() => 'fulfilled'), 'rejected'],
  );
  const refused = outcomes.at(-1) as PromiseRejectedResult;
  t.type(refused.reason, EventRefused);
  t.equal(await readHead(pool), 20);
});

t.test(
  "UPDATE, DELETE and TRUNCATE are refused to the table's owner, in parts and seals as well",
  async (t) => {
    const { pool } = await createTestDatabase(t);
    await appendEvents(pool, [event('a', 'id')]);
    const { rows } = await pool.query(
      'SELECT pg_get_userbyid(relowner) = current_user AS owns FROM pg_class WHERE relname = $1',
      ['event_log'],
    );
    t.ok(rows[0].owns);
    for (const table of ['event_log', 'event_log_1', 'seal', 'delivery'])
      for (const statement of [
        `UPDATE ${table} SET position = 9`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
      ])
        await t.rejects(
          pool.query(statement.replace('seal SET position', 'seal SET count')),
          { code: 'HF001' },
          statement,
        );
    await t.rejects(pool.query(`DELETE FROM event_log WHERE false`), { code: 'HF001' });
    t.equal(await readHead(pool), 1);
  },
);

t.test('the next partition is there in time, however large a batch is', async (t) => {
  const { pool } = await createTestDatabase(t);
  await pool.query('UPDATE log_setting SET partition_size = 10');
  await pool.query(
    'DROP TABLE event_log_1; DELETE FROM event_log_partition; SELECT ensure_event_log_partitions(1)',
  );
  for (const count of [7, 3, 1, 25])
    await appendEvents(
      pool,
      Array.from({ length: count }, () => event('x')),
    );
  const { rows } = await pool.query(
    'SELECT count(*) AS count, count(DISTINCT tableoid) AS parts FROM event_log',
  );
  t.match(rows, [{ count: 36, parts: 4 }]);
});

t.test(
  'a connection that first appended to a small log reads no table whole when it has grown',
  async (t) => {
    const { pool } = await createTestDatabase(t);
    await appendEvents(pool, [event('a', 'id'), event('b')]);
    await pool.query('ANALYZE');
    const client = await pool.connect();
    const scans = async () => {
      await client.query('SELECT pg_stat_force_next_flush()');
      const { rows } = await pool.query(
        `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('delivery', 'seal') ORDER BY relname`,
      );
      return rows;
    };
    const before = await scans();
    for (let count = 0; count < 10; count++)
      await appendEvents(client, [event('c', 'id'), event('d', `id ${count}`), event('e', `id ${count}`)]);
    const after = await scans();
    client.release();
    t.equal(await readHead(pool), 12);
    t.same(after, before);
  },
);

t.test('repeats and events without a delivery id may be mixed in any way', async (t) => {
  const { pool } = await createTestDatabase(t);
  const first = new Map<string, number>();
  let head = 0;
  const ids = fc.array(fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(ids, async (batch) => {
      const expected = batch.map((id) => {
        const position = id === null ? undefined : first.get(id);
        if (position !== undefined) return { position, duplicate: true };
        head += 1;
        if (id !== null) first.set(id, head);
        return { position: head, duplicate: false };
      });
      const appended = await appendEvents(
        pool,
        batch.map((id) => event('x', id)),
      );
      return (
        (await readHead(pool)) === head &&
        appended.every(
          ({ position, duplicate }, index) =>
            position === expected[index]!.position && duplicate === expected[index]!.duplicate,
        )
      );
    }),
    // The model remembers what was appended: a failure cannot be made smaller by trying again.
    { numRuns: 40, endOnFailure: true },
  );
  t.match(await verifyLog(pool), { verified: head, fault: undefined });
});

t.test(
  'a connection that has forgotten the prepared call, as behind a pooler, appends all the same',
  async (t) => {
    const database = await createTestDatabase(t);
    const pool = createPool(database.url, { max: 1 });
    t.teardown(() => pool.end());
    for (let position = 1; position <= 3; position++) {
      const answers = await appendEvents(pool, [event('e')], { prepared: true });
      t.same(positions(answers), [position]);
      await pool.query('DEALLOCATE ALL');
    }
    t.equal(await readHead(pool), 3, 'once each');
  },
);
