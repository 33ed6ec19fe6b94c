// How much time travel folds: of what lies in another workspace no more than it takes to tell nothing of it.
import t from 'tap';
import { keyId } from '../../projections/fold.js';
import { findProjection } from '../../projections/index.js';
import { foldHistory, readIntegrationAt } from '../../src/query/as-of.js';
import type { Scope } from '../../src/query/scope.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { I, updated, V, W } from '../support/query-webhooks.js';

const J = I.replaceAll('a', 'b');
const ofV = (resource_id: string, data: unknown) => updated(resource_id, data, { workspace_id: V });

t.test(
  'a page of foreign resources is that of an integration that is not there, its cursor too',
  async (t) => {
    const query = await buildQuery(t);
    const resources = Array.from({ length: 1001 }, (_, n) => ofV(`r${n}`, n));
    const head = await fillLog(query.database.pool, resources);
    const key = await query.addKey('w', [W]);
    const ask = (id: string) => query.get(`/v1/resources?integration_id=${id}&as_of=${head}`, key);
    const foreign = await ask(I);
    t.same(foreign.json, { items: [], next_cursor: null });
    t.equal(foreign.text, (await ask(J)).text);
    t.equal((await query.get(`/v1/resources?integration_id=${I}&as_of=${head}`)).json.items.length, 100);
  },
);

t.test('a resource that had events of two workspaces is seen by that of its first', async (t) => {
  const query = await buildQuery(t);
  const head = await fillLog(query.database.pool, [
    ...[ofV('a', 1), updated('a', 2), updated('b', 3), ofV('b', 4)],
    ...Array.from({ length: 1001 }, (_, n) => ofV(`c${n}`, n)),
    updated('d', 5),
  ]);
  const key = await query.addKey('w', [W]);
  const { json } = await query.get(`/v1/resources?integration_id=${I}&as_of=${head}`, key);
  t.match(json, {
    items: [
      { resource_id: 'b', data: 4 },
      { resource_id: 'd', data: 5 },
    ],
    next_cursor: null,
  });
  t.equal(json.items.length, 2);
  const both = await query.addKey('both', [W, V]);
  t.match((await query.get(`/v1/resources?integration_id=${I}&as_of=${head}&limit=2`, both)).json.items, [
    { resource_id: 'a', data: 2 },
    { resource_id: 'b', data: 4 },
  ]);
});

t.test('what is foreign is refused by its first event, and never for how long its fold takes', async (t) => {
  const { database } = await buildQuery(t);
  const head = await fillLog(
    database.pool,
    Array.from({ length: 501 }, (_, n) => ofV('r', n)),
  );
  const on = { log: database.pool, read: database.pool };
  const models = ['integration', 'integration_health'].map(findProjection);
  const readBy = (scope: Scope) =>
    readIntegrationAt(on, models, I, { position: head, scope, until: performance.now() });
  t.strictSame(await readBy([W]), [undefined, undefined]);
  await t.rejects(readBy([V]), {
    ...{
      status: 503,
      code: 'too-slow',
      message: /^there are more [^\d]* in 20 s; ask for an earlier [^\d]*$/,
    },
  });
  const [fold] = await foldHistory(on, models, { integration_id: I }, head, { scope: [W] });
  t.match(fold!.folded.rows.get(keyId([I])), { last_position: 1 });
});

t.test('a fold that nobody waits for any more ends between two pages', async (t) => {
  const { database } = await buildQuery(t);
  const { pool } = database;
  const head = await fillLog(
    pool,
    Array.from({ length: 501 }, (_, n) => updated('r', n)),
  );
  let pages = 0;
  const on = { log: pool, read: pool, isGivenUp: () => ++pages === 2 };
  const reading = readIntegrationAt(on, [findProjection('integration')], I, { position: head, scope: 'all' });
  await t.rejects(reading, { status: 503, code: 'stopping' });
  t.equal(pages, 2);
});
