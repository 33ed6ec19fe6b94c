// Answers about a row that stands still, since an event of it could not be folded.
import t, { type Test } from 'tap';
import type { AnyRow, EventProjection } from '../../projections/contract.js';
import { PROJECTIONS } from '../../projections/index.js';
import { resource } from '../../projections/resource/projection.js';
import { discardParked } from '../../src/projector/parked.js';
import { diffRows } from '../../src/query/diff.js';
import { foldToHead } from '../projector/projecting.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { I, installed, updated, W } from '../support/query-webhooks.js';

const evolve: typeof resource.evolve = (row, event) => {
  if ([3, 6].includes(event.position)) throw new Error('no');
  return resource.evolve(row, event);
};
/** As the code of before had it: what it parked stays parked, though the code of now would fold it. */
const throwing = { ...resource, evolve } as unknown as EventProjection<AnyRow>;
const BEFORE = [throwing, ...PROJECTIONS.filter(({ name }) => name !== 'resource')];

const PATH = `/v1/resources/${I}/${encodeURIComponent('crm contact/ü')}`;

/** Resource `a` has its event 3 parked, and 5 behind it; `c` its first, 6. */
async function buildParked(t: Test) {
  const query = await buildQuery(t);
  const { pool } = query.database;
  const bodies = [installed(I, 's'), updated('a', 1), updated('a', 2), updated('b', 2), updated('a', 3)];
  const head = await fillLog(pool, [...bodies, updated('c', 1)]);
  await foldToHead(query.database, { projections: BEFORE });
  const discard = (position: number) =>
    discardParked({ logPool: pool, readPool: pool }, BEFORE, { projection: 'resource', position });
  return { ...query, head, discard };
}

t.test(
  'a row that stands still stands for what was before the parked event, and its neighbours for all',
  async (t) => {
    const { get, addKey, discard, head } = await buildParked(t);
    t.match(await get(`${PATH}/a`), { status: 200, json: { data: 1 }, position: 2 });
    t.match(await get(`${PATH}/a?min_position=2`), { status: 200, position: 2 });
    const late = await get(`${PATH}/a?min_position=3`);
    t.match(late, { status: 503, json: { code: 'parked', detail: /the event at 3 / } });
    t.match(await get(`${PATH}/b?min_position=${head}`), { status: 200, position: head });
    t.match(await get(`/v1/integrations/${I}?min_position=${head}`), { status: 200, position: head });
    const foreign = await addKey('other', ['elsewhere']);
    t.match(await get(`${PATH}/a`, foreign), { status: 404, position: head }, 'nothing tells of it');
    const parked = (await get('/v1/parked')).json.items;
    t.match(parked, [{ position: 3, key: [I, 'crm contact/ü', 'a'] }, { position: 5 }, { position: 6 }]);
    await discard(3);
    t.match(await get(`${PATH}/a?min_position=${head}`), { status: 200, json: { data: 3 }, position: head });
  },
);

t.test('time travel folds what the read model did, and says where it cannot', async (t) => {
  const { get, addKey, discard, head } = await buildParked(t);
  const at = (path: string, position: number, key?: string) => get(`${path}as_of=${position}`, key);
  const list = `/v1/resources?integration_id=${I}&`;
  t.match(await at(`${PATH}/a?`, 2), { status: 200, json: { data: 1 }, position: 2 });
  for (const path of [`${PATH}/a?`, `${PATH}/a/history?`, list])
    t.match(
      await at(path, 5),
      { status: 503, json: { code: 'parked', detail: /event at 3 .* as_of=2 is/ } },
      path,
    );
  t.match(await at(list, 2), { status: 200, json: { items: { length: 1 } } });
  t.match(await at(`${PATH}/b?`, head), { status: 200, json: { data: 2 } });
  const foreign = await addKey('other', ['elsewhere']);
  for (const id of ['a', 'c']) t.equal((await at(`${PATH}/${id}?`, head, foreign)).status, 404);
  t.equal((await at(`${PATH}/c?`, head, await addKey('ours', [W]))).status, 503);
  await discard(3);
  await discard(6);
  t.match(await at(`${PATH}/a?`, head), { status: 200, json: { data: 3 } });
  t.match((await get(`${PATH}/a/history`)).json.items, [{ position: 5 }, { position: 2 }]);
  t.same((await at(`${PATH}/a?`, head)).json, (await get(`${PATH}/a`)).json);
});

t.test(
  'a diff passes over what was discarded, and says where a row ends before its last event',
  async (t) => {
    const { database, discard, head } = await buildParked(t);
    const databases = { log: database.pool, read: database.pool };
    const changed: unknown[] = [];
    const diff = async () => {
      for await (const { key, after } of diffRows(databases, resource, { from: 2, to: head }))
        changed.push([key[2], after?.data]);
    };
    await t.rejects(diff(), { message: /^the event at position 3 could not be folded/ });
    t.same(changed.splice(0), [['b', '2']]);
    await discard(3);
    await discard(6);
    await diff();
    t.same(changed.toSorted(), [
      ['a', '3'],
      ['b', '2'],
    ]);
  },
);
