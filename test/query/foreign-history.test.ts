// Time travel asked for what lies in another workspace: nothing of it is told, and no more of it is folded than that takes.
import t from 'tap';
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
