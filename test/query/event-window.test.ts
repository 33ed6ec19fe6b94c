// Filters on events that no index serves.
import t from 'tap';
import { appendEvents } from '../../src/log/append-events.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog, newEvent } from '../support/fill-log.js';
import { I, updated, V, W } from '../support/query-webhooks.js';

const rare = { workspace_id: W, event: 'rare', payload: {} };

type Get = Awaited<ReturnType<typeof buildQuery>>['get'];

/** The positions on each page of a list. */
async function pagesOf(get: Get, path: string, key?: string): Promise<number[][]> {
  const found: number[][] = [];
  for (let cursor = ''; ; ) {
    const { json } = await get(path + cursor, key);
    found.push(json.items.map(({ position }: { position: number }) => position));
    if (json.next_cursor === null) return found;
    cursor = `&cursor=${json.next_cursor}`;
  }
}

t.test('what matches far from where a page begins is found by way of pages that are empty', async (t) => {
  const { database, get } = await buildQuery(t, undefined, { windowEvents: 4 });
  await fillLog(database.pool, [
    rare,
    ...Array.from({ length: 10 }, (_, n) => updated('a', n)),
    rare,
    ...Array.from({ length: 9 }, (_, n) => updated('b', n)),
  ]);
  const pages = (path: string) => pagesOf(get, path);
  t.same(await pages('/v1/events?event=rare&order=asc'), [[1], [], [12], [], [], []]);
  t.same(await pages('/v1/events?event=rare&order=desc'), [[], [], [12], [], [], [1]]);
  t.same(await pages('/v1/events?event=rare&order=asc&limit=1'), [[1], [], [12], [], [], []]);
  t.same(await pages('/v1/events?event=rare&order=desc&after=1&before=14'), [[12], [], []]);
  t.same(await pages('/v1/events?event=rare&order=asc&after=8&before=13'), [[12]]);
  t.same(await pages(`/v1/events?customer_id=nobody&workspace_id=${V}`), [[]]);
  t.equal((await pages('/v1/events')).flat().length, 21);
});

const J = I.replaceAll('a', 'b');
const ofI = (event: string) => ({ workspace_id: W, event, payload: { id: I } });
const foreign = (id: string) => ({ workspace_id: V, event: 'rare', payload: { id } });

t.test(
  'a page looks through so many events of the workspace, integration or resource that is asked for',
  async (t) => {
    const { database, get, addKey } = await buildQuery(t, undefined, { windowEvents: 4 });
    const many = (count: number, body: object) => Array.from({ length: count }, () => body);
    const bodies = [
      ...[rare, ...many(20, foreign(J)), rare],
      ...[ofI('rare'), ...many(9, ofI('often')), ofI('rare')],
      ...[
        updated('r', 1),
        ...many(5, updated('s', 2)),
        ...many(4, updated('r', 3)),
        { ...updated('r', 4), customer_id: 'z' },
      ],
    ];
    await fillLog(database.pool, bodies);
    const ours = await addKey('ours', [W]);
    const both = await addKey('both', [W, V]);
    const pages = (path: string, key?: string) => pagesOf(get, path, key);
    t.same((await pages('/v1/events?event=rare&order=asc', ours))[0], [1, 22, 23]);
    for (const key of [ours, both, undefined])
      for (const path of [
        `/v1/integrations/${I}/events?event=rare`,
        `/v1/events?event=rare&integration_id=${I}`,
      ]) {
        t.same(await pages(`${path}&order=asc`, key), [[23], [], [33], [], [], []]);
        t.same(await pages(`${path}&before=34`, key), [[33], [], [23]]);
      }
    t.same(await pages(`/v1/events?resource_id=r&integration_id=${I}&customer_id=z&order=asc`, ours), [
      [],
      [44],
    ]);
    t.same(
      await pages(`/v1/integrations/${J}/events?event=rare`, ours),
      [[]],
      'no cursor tells of what is foreign',
    );
  },
);

t.test('a list is narrowed by positions and by times', async (t) => {
  const { database, get } = await buildQuery(t);
  const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
  for (const second of [1, 2, 3, 4]) await appendEvents(database.pool, [newEvent(rare, at(second))]);
  const found = async (query: string) => (await pagesOf(get, `/v1/events?order=asc&limit=1&${query}`)).flat();
  t.same(await found('after=1&before=4'), [2, 3]);
  t.same(await found(`after=${at(1)}&before=${at(3)}`), [2, 3]);
  t.same(await found(`after=${at(2)}`), [3, 4]);
  t.same(await found('before=2999-01-01T00:00:00Z'), [1, 2, 3, 4]);
  t.same(await found('after=3&before=2'), []);
  t.match(await get('/v1/events?after=yesterday'), { status: 400, json: { detail: /^after: expected/ } });
});

t.test('one page looks through more than one statement does', async (t) => {
  const { database, get, addKey } = await buildQuery(t);
  const { pool } = database;
  await fillLog(pool, [ofI('rare')]);
  for (let at = 0; at < 3; at++)
    await fillLog(
      pool,
      Array.from({ length: 5000 }, () => ofI('often')),
    );
  await fillLog(pool, [ofI('rare')]);
  const ours = await addKey('ours', [W]);
  for (const path of [`/v1/integrations/${I}/events?`, '/v1/events?'])
    for (const key of [ours, undefined]) {
      t.same(await pagesOf(get, `${path}event=rare&order=asc&after=1`, key), [[15_002]]);
      t.same(await pagesOf(get, `${path}event=rare&before=15002`, key), [[1]]);
    }
});
