import t from 'tap';
import type { FoldedEvent } from '../../schemas/logged-event.js';
import { readAfter } from '../../src/log/read-log.js';
import { inTransaction } from '../../src/postgres/transaction.js';
import { createPageReader } from '../../src/projector/read-page.js';
import { createRunReader, createThreadedRunReader } from '../../src/projector/run-reader.js';
import { appendBodies } from '../relay/mirrored-log.js';
import { createTestDatabase } from '../support/test-database.js';

const LIMITS = { events: 100, bytes: 1_000_000 };
const BODIES = [
  { event: 'integration_installed', workspace_id: 'w', payload: { id: 'i' } },
  { event: 'neu ünd \ud83c\udf89', payload: {} },
  { event: 'integration_new_data_model', workspace_id: 'W'.repeat(300), payload: { id: 'é'.repeat(80) } },
].map((body) => JSON.stringify(body, null, 2));

const seen = ({
  position,
  event_id,
  received_at,
  source,
  workspace_id,
  event,
  integration_id,
  body,
}: FoldedEvent) => ({
  ...{ position, event_id, received_at, source, workspace_id, event, integration_id, body },
});

t.test('runs read in bulk, here or in a thread, are the events of the log', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await appendBodies(pool, BODIES);
  const thread = createThreadedRunReader(url);
  t.teardown(() => thread.close());
  const expected = (await readAfter(pool, 0, 100)).map(seen);
  for (const read of [createRunReader(pool), thread.read]) {
    t.strictSame((await read(0, LIMITS)).events.map(seen), expected);
    const one = await read(1, { ...LIMITS, events: 1 });
    t.strictSame(one.events.map(seen), expected.slice(1, 2));
    t.equal(one.isFull, true);
    t.strictSame(await read(3, LIMITS), { events: [], isFull: false });
    const raw = (await read(0, LIMITS)).events.map((event) => event.raw!);
    t.strictSame(
      raw.map(({ bytes, start, end }) => bytes.toString('utf8', start, end)),
      BODIES,
    );
  }
  const both = await Promise.all([thread.read(0, LIMITS), thread.read(2, LIMITS)]);
  t.strictSame(
    both.map(({ events }) => events.length),
    [3, 1],
    'runs asked for at once are answered in order',
  );
});

t.test('what a thread has read ahead is answered only where it is what was ordered', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await appendBodies(pool, BODIES);
  const thread = createThreadedRunReader(url);
  t.teardown(() => thread.close());
  const positions = async (after: number, events: number) =>
    (await thread.read(after, { ...LIMITS, events })).events.map(({ position }) => position);
  t.strictSame(await positions(0, 3), [1, 2, 3], 'a full run, behind which there is nothing yet');
  await appendBodies(pool, BODIES.slice(0, 2));
  t.strictSame(await positions(3, 3), [4, 5], 'what came since');
  t.strictSame(await positions(0, 2), [1, 2]);
  t.strictSame(await positions(0, 2), [1, 2], 'the same again');
  t.strictSame(await positions(2, 1), [3], 'fewer than were read ahead');
  t.strictSame(await positions(3, 2), [4, 5]);
  const inRow = await Promise.all([positions(0, 2), positions(2, 2), positions(4, 2), positions(1, 2)]);
  t.strictSame(inRow, [[1, 2], [3, 4], [5], [2, 3]]);
});

t.test('what Postgres says reaches the thread that asked, and the end of the thread as well', async (t) => {
  const { pool, url } = await createTestDatabase(t);
  await appendBodies(pool, BODIES);
  const thread = createThreadedRunReader(url);
  t.teardown(() => thread.close());
  await pool.query('ALTER TABLE event_log RENAME TO elsewhere');
  await t.rejects(thread.read(0, LIMITS), { code: '42P01' });
  await pool.query('ALTER TABLE elsewhere RENAME TO event_log');
  t.equal((await thread.read(0, LIMITS)).events.length, 3, 'the next run is read');
  await t.rejects(createRunReader(pool)(0.5, LIMITS), RangeError, 'no text gets into the statement');
  await inTransaction(pool, async (client) => {
    await client.query('LOCK TABLE event_log'); // What is read meanwhile waits.
    const reading = thread.read(0, LIMITS);
    const ended = thread.close();
    await t.rejects(reading, /has ended/);
    await ended;
  });
});

t.test('a page that was read ahead is kept while others at the head look for events', async (t) => {
  const { pool } = await createTestDatabase(t);
  await appendBodies(
    pool,
    Array.from({ length: 50 }, () => BODIES[0]!),
  );
  const asked: number[] = [];
  const read = createRunReader(pool);
  const readPage = createPageReader({
    readRun(position, limits) {
      asked.push(position);
      return read(position, limits);
    },
    pageEvents: 10,
    pageBytes: 1_000_000,
  });
  for (let reached = 0; reached < 50; ) {
    t.same(await readPage(50, 10), []);
    reached = (await readPage(reached, 50 - reached)).at(-1)!.position;
  }
  t.same(
    asked.filter((position) => position < 50),
    [0, 10, 20, 30, 40],
    'each page is read once',
  );
});
