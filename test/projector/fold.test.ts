import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import type { AnyRow } from '../../projections/contract.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { createBus } from '../../src/bus/connect.js';
import { ring } from '../../src/bus/doorbell.js';
import { readAfter } from '../../src/log/read-log.js';
import { applyPage } from '../../src/projector/apply-page.js';
import { foldPage } from '../../src/projector/fold-page.js';
import { createFollower, type Follower } from '../../src/projector/follower.js';
import { createPage } from '../../src/projector/page.js';
import { projectRound } from '../../src/projector/project.js';
import { createProjector } from '../../src/projector/projector.js';
import { createPageReader, type PageReader } from '../../src/projector/read-page.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { tableOf } from '../../src/read-models/build.js';
import { CheckpointMoved } from '../../src/read-models/checkpoint.js';
import { ensureLiveBuild } from '../../src/read-models/live-build.js';
import { updated } from '../support/query-webhooks.js';
import { createTestBus } from '../support/test-bus.js';
import { createTestDatabase } from '../support/test-database.js';
import { waitFor } from '../support/wait-for.js';
import {
  appendBodies,
  areAtHead,
  assertFolded,
  BODIES,
  foldToHead,
  partsOf,
  startProjector,
} from './projecting.js';

const expected = JSON.parse(readFileSync(new URL('../fixtures/expected.json', import.meta.url), 'utf8'));
const silent = { info: () => {}, warn: () => {} };
const totalOf = 'SELECT coalesce(sum(count), 0)::int AS total FROM read_model.activity';

t.test('the fixture gives the expected rows in every named field, through the views', async (t) => {
  const database = await createTestDatabase(t);
  await appendBodies(database.pool, BODIES);
  await foldToHead(database);
  for (const { name, keyColumns } of PROJECTIONS) {
    const want: AnyRow[] = expected[name];
    const key = name === 'activity' ? ['workspace_id', 'event'] : keyColumns;
    const columns = Object.keys(want[0]!);
    const summed = `SELECT workspace_id, event, sum(count)::bigint AS count FROM read_model.activity GROUP BY 1, 2`;
    const { rows } = await database.pool.query(
      name === 'activity' ? summed : `SELECT * FROM read_model.${name}`,
    );
    const idOf = (row: AnyRow) => JSON.stringify(key.map((column) => row[column]));
    const got = new Map(
      rows.map((row) => [idOf(row), Object.fromEntries(columns.map((column) => [column, row[column]]))]),
    );
    t.equal(rows.length, want.length, name);
    const wrong = want.filter((row) => !isDeepStrictEqual(got.get(idOf(row)), row));
    t.same(wrong.slice(0, 2), [], `${name}: ${wrong.length} rows differ`);
  }
  const { rows } = await database.pool.query('SELECT count(*) FROM read_model.unreadable');
  t.equal(rows[0].count, 0, 'nothing is unreadable');
});

t.test('pages of any size give the same rows', async (t) => {
  for (const [pageEvents, count] of [
    [1, 150],
    [7, 600],
    [1000, BODIES.length],
  ] as const) {
    const database = await createTestDatabase(t);
    await appendBodies(database.pool, BODIES.slice(0, count));
    await foldToHead(database, { pageEvents });
    await assertFolded(t, database.pool);
  }
});

t.test('the doorbell wakes a projector, and without a bus it polls', async (t) => {
  const database = await createTestDatabase(t);
  const server = await createTestBus(t);
  const bus = createBus({ natsUrl: server.url, name: 'test', logger: silent });
  t.teardown(() => bus.stop());
  await bus.start();
  await waitFor(() => bus.connection());
  const service = await startProjector(t, database, { natsUrl: server.url });
  await service.untilHead();
  let fastest = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= 5; n++) {
    ring(bus, await appendBodies(database.pool, [BODIES[n]!]));
    const rung = performance.now();
    await waitFor(async () => (await database.pool.query(totalOf)).rows[0].total === n, { everyMs: 2 });
    fastest = Math.min(fastest, performance.now() - rung);
  }
  t.ok(fastest < 500, `a ring led to a committed page in ${Math.round(fastest)} ms`);
  await server.kill();
  await appendBodies(database.pool, BODIES.slice(0, 10));
  await waitFor(async () => (await database.pool.query(totalOf)).rows[0].total === 15);
});

t.test('of two that apply one page at once exactly one does', async (t) => {
  const { pool } = await createTestDatabase(t);
  const resource = findProjection('resource');
  await appendBodies(pool, BODIES.slice(0, 100));
  const build = (await ensureLiveBuild(pool, resource))!;
  const page = createPage(await readAfter(pool, 0, 100));
  const create = () => createFollower(pool, resource, build, { generationBytes: 1e6 });
  const followers = await Promise.all([create(), create(), create()]);
  const apply = (follower: Follower) =>
    applyPage(pool, [{ follower, checkpoints: follower.checkpoints }], page);
  const outcomes = await Promise.allSettled(followers.map(apply));
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.equal(failed.length, 2);
  t.ok(
    failed.every(({ reason }) => reason instanceof CheckpointMoved),
    'the others were told so',
  );
  await t.rejects(
    apply(await create()),
    { code: 'HOOKFOLD_CHECKPOINT_MOVED' },
    'nor does one that comes late',
  );
  await assertFolded(t, pool, [resource]);
});

t.test('rows are not looked for in a table that is known to be empty', async (t) => {
  const { pool } = await createTestDatabase(t);
  const resource = findProjection('resource');
  await appendBodies(pool, BODIES.slice(0, 100));
  const build = (await ensureLiveBuild(pool, resource))!;
  const page = createPage(await readAfter(pool, 0, 100));
  const create = (empty: boolean) => createFollower(pool, resource, build, { generationBytes: 1e6, empty });
  const [knowing, asking] = await Promise.all([create(true), create(false)]);
  const fold = ({ store, parkedKeys }: Follower) =>
    foldPage(pool, { projection: resource, store, segments: 1, owned: undefined, parkedKeys }, page);
  await pool.query(`DROP TABLE ${tableOf(build)} CASCADE`);
  await t.rejects(fold(asking), { code: '42P01' });
  await fold(knowing);
  t.ok(knowing.store.dirtyBytes() > 0, 'the page was folded');
});

t.test('a page that is short because its events are large is not taken for the last', async (t) => {
  const { pool } = await createTestDatabase(t);
  const resource = findProjection('resource');
  const head = await appendBodies(
    pool,
    Array.from({ length: 12 }, (_, n) => JSON.stringify(updated('r', `${n}${'x'.repeat(20_000)}`))),
  );
  const build = (await ensureLiveBuild(pool, resource))!;
  const follower = await createFollower(pool, resource, build, { generationBytes: 1e6 });
  const readPage = createPageReader({ readRun: createRunReader(pool), pageEvents: 100, pageBytes: 50_000 });
  let pages = 0;
  const onPage = () => void pages++;
  const options = { readPage, readPool: pool, goesOn: () => true, onPage };
  t.equal(await projectRound([follower], options), head, 'folded while the page before is written');
  t.ok(pages > 3);
  await assertFolded(t, pool, [resource]);
});

t.test(
  'with nothing to read the head is asked for now and then, and at once for one who waits',
  async (t) => {
    const database = await createTestDatabase(t);
    const parts = partsOf(database);
    let rounds = 0;
    let asked = 0;
    const readPage: PageReader = (position, limit) => {
      rounds++;
      return parts.readPage(position, limit);
    };
    const readHead = () => {
      asked++;
      return parts.readHead();
    };
    const projector = createProjector({ ...parts, readPage, readHead });
    t.teardown(() => projector.stop());
    await projector.start();
    await waitFor(() => rounds > 200);
    t.ok(asked > 0 && asked < rounds / 10, `asked ${asked} times in ${rounds} rounds`);
    const before = asked;
    for (let waits = 0; waits < 5; waits++) await projector.untilHead();
    t.ok(asked >= before + 4, 'one at the most finds it being asked');
  },
);

t.test('who waits for the head waits for the events that are there when he begins to wait', async (t) => {
  const database = await createTestDatabase(t);
  const { pool } = database;
  const parts = partsOf(database);
  let waiting: Promise<boolean> | undefined;
  const readPage: PageReader = async (position, limit) => {
    const events = await parts.readPage(position, limit);
    if (waiting) return events;
    await appendBodies(pool, BODIES.slice(0, 1));
    waiting = projector.untilHead().then(() => areAtHead(database, PROJECTIONS));
    return events;
  };
  const projector = createProjector({ ...parts, readPage });
  t.teardown(() => projector.stop());
  await projector.start();
  await waitFor(() => waiting !== undefined);
  t.ok(await waiting);
});

t.test('what a projection cannot read is recorded with its position and the fold goes on', async (t) => {
  const database = await createTestDatabase(t);
  const bad = JSON.stringify({
    workspace_id: 'w',
    event: 'integration_new_data_model',
    payload: { id: 'i', type: 7 },
  });
  await appendBodies(database.pool, [bad, BODIES[0]!, '{"event":"of_tomorrow","payload":{}}']);
  await foldToHead(database);
  const { rows } = await database.pool.query(
    'SELECT position, projection, event, reason FROM read_model.unreadable ORDER BY projection',
  );
  t.same(
    rows.map(({ projection }) => projection),
    ['import_completion', 'integration', 'integration_health', 'resource'],
  );
  t.match(rows[0], { position: 1, event: 'integration_new_data_model', reason: /resource_id|type/ });
  await assertFolded(t, database.pool);
});
