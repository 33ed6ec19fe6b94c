// Filters on events that no index serves.
import t from 'tap';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { I, updated, V, W } from '../support/query-webhooks.js';

const rare = { workspace_id: W, event: 'rare', payload: {} };

t.test('what matches far from where a page begins is found by way of pages that are empty', async (t) => {
  const { database, get } = await buildQuery(t, undefined, { windowPositions: 4 });
  await fillLog(database.pool, [
    rare,
    ...Array.from({ length: 10 }, (_, n) => updated('a', n)),
    rare,
    ...Array.from({ length: 9 }, (_, n) => updated('b', n)),
  ]);
  const pages = async (path: string) => {
    const found: number[][] = [];
    for (let cursor = ''; ; ) {
      const { json, status } = await get(path + cursor);
      t.equal(status, 200);
      found.push(json.items.map(({ position }: { position: number }) => position));
      if (json.next_cursor === null) return found;
      cursor = `&cursor=${json.next_cursor}`;
    }
  };
  t.same(await pages('/v1/events?event=rare&order=asc'), [[1], [], [12], [], [], []]);
  t.same(await pages('/v1/events?event=rare&order=desc'), [[], [], [12], [], [], [1]]);
  t.same(await pages('/v1/events?event=rare&order=asc&limit=1'), [[1], [], [12], [], [], []]);
  t.same((await pages(`/v1/events?customer_id=nobody&workspace_id=${V}`)).flat(), []);
  t.equal(
    (await pages(`/v1/events?integration_id=${I}&type=other`)).length,
    1,
    'what an index serves is not cut',
  );
  t.equal((await pages('/v1/events')).flat().length, 21);
});
