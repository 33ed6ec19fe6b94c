// What was known at a position: the same rows as a fold of the log's beginning, and as the read models at their head.
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import type { AnyRow } from '../../projections/contract.js';
import { foldEvents } from '../../projections/fold.js';
import { findProjection } from '../../projections/index.js';
import { readAfter } from '../../src/log/read-log.js';
import { diffRows } from '../../src/query/diff.js';
import { rowToJson, shownColumns } from '../../src/read-models/columns.js';
import { buildQuery } from '../support/build-query.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';

const shown = (name: string, row: AnyRow) => JSON.parse(rowToJson(shownColumns(findProjection(name)), row));

t.test('time travel', async (t) => {
  const { get, database } = await buildQuery(t);
  await fillLog(database.pool, fixtureBodies());
  const head = await fillReadModels({ log: database.pool });
  const events = await readAfter(database.pool, 0, head);
  const positions = [1, 1500, 4000];
  const ids = [...new Set(events.map((event) => event.integration_id!))].slice(0, 4);
  const rowsAt = (name: string, position: number) =>
    [...foldEvents(findProjection(name), events.slice(0, position)).rows.values()].map((row) =>
      shown(name, row),
    );

  t.test('integrations, health and imports at a position are what a fold up to it gives', async (t) => {
    for (const position of positions) {
      const [own, health, imports] = ['integration', 'integration_health', 'import_completion'].map(
        (name) => new Map(rowsAt(name, position).map((row) => [row.integration_id, row])),
      );
      for (const id of ids) {
        const answers = await Promise.all(
          ['', '/health', '/imports'].map((path) => get(`/v1/integrations/${id}${path}?as_of=${position}`)),
        );
        if (!own!.has(id)) {
          t.same(
            answers.map(({ status }) => status),
            [404, 404, 404],
          );
          continue;
        }
        t.strictSame(answers[0]!.json, {
          ...own!.get(id),
          health: health!.get(id),
          import: imports!.get(id),
        });
        t.strictSame(answers[1]!.json, health!.get(id));
        t.strictSame(answers[2]!.json, imports!.get(id));
        t.equal(answers[0]!.position, position);
      }
    }
  });

  t.test('resources at a position, one and page by page, are what a fold up to it gives', async (t) => {
    for (const position of positions) {
      const all = rowsAt('resource', position);
      for (const id of ids.slice(0, 3)) {
        const want = all.filter((row) => row.integration_id === id);
        const got: AnyRow[] = [];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const { json } = await get(
            `/v1/resources?integration_id=${id}&as_of=${position}&limit=60${cursor && `&cursor=${cursor}`}`,
          );
          got.push(...json.items);
          cursor = json.next_cursor;
        }
        const key = (row: AnyRow) => `${row.type}/${row.resource_id}`;
        const sorted = want.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
        t.ok(isDeepStrictEqual(got, sorted), `${id} at ${position}: ${got.length} of ${sorted.length}`);
        const deleted = await get(
          `/v1/resources?integration_id=${id}&as_of=${position}&status=deleted&limit=1000`,
        );
        t.equal(deleted.json.items.length, want.filter((row) => row.status === 'deleted').length);
        if (!want[0]) continue;
        const one = await get(`/v1/resources/${id}/${want[0].type}/${want[0].resource_id}?as_of=${position}`);
        t.strictSame(one.json, want[0]);
      }
    }
  });

  t.test('at the head it is what the read models have', async (t) => {
    for (const id of ids.slice(0, 3))
      for (const path of [
        `/v1/integrations/${id}?`,
        `/v1/integrations/${id}/health?`,
        `/v1/resources?integration_id=${id}&limit=1000`,
      ])
        t.ok((await get(`${path}&as_of=${head}`)).text === (await get(path)).text, path);
  });

  t.test('a time is the position that the log had reached', async (t) => {
    const at = events[2999]!.received_at;
    const position = events.findLastIndex((event) => event.received_at <= at) + 1;
    t.equal((await get(`/v1/integrations/${ids[0]}?as_of=${at}`)).position, position);
    t.equal(
      (await get(`/v1/integrations/${ids[0]}?as_of=${at.replace('Z', '%2B00:00')}`)).position,
      position,
    );
    t.match(await get(`/v1/integrations/${ids[0]}?as_of=2001-01-01T00:00:00Z`), { status: 404, position: 0 });
  });

  t.test("a resource's history tells each version, what made it and what changed", async (t) => {
    const byId = new Map<string, typeof events>();
    for (const event of events)
      if (event.resource_id) byId.set(event.resource_id, [...(byId.get(event.resource_id) ?? []), event]);
    const busiest = [...byId.values()].reduce((one, other) => (other.length > one.length ? other : one));
    const { integration_id, resource_type, resource_id } = busiest[0]!;
    const path = `/v1/resources/${integration_id}/${resource_type}/${resource_id}/history`;
    const oldest = (await get(`${path}?order=asc`)).json.items;
    t.same(
      oldest.map(({ position }: AnyRow) => position),
      busiest.map(({ position }) => position),
    );
    t.strictSame((await get(path)).json.items, oldest.toReversed());
    const row: AnyRow = {};
    for (const { changes } of oldest)
      for (const [column, { before, after }] of Object.entries<AnyRow>(changes)) {
        t.strictSame(row[column] ?? null, before);
        row[column] = after;
      }
    const now = (await get(path.replace('/history', ''))).json;
    t.ok(Object.entries(now).every(([column, value]) => isDeepStrictEqual(row[column] ?? null, value)));
    for (const order of ['asc', 'desc']) {
      const first = (await get(`${path}?order=${order}&limit=2`)).json;
      const second = (await get(`${path}?order=${order}&limit=2&cursor=${first.next_cursor}`)).json;
      const want = order === 'asc' ? oldest : oldest.toReversed();
      t.strictSame([...first.items, ...second.items], want.slice(0, 4));
    }
    t.equal((await get(path.replace(resource_id!, 'none'))).status, 404);
    const { next_cursor } = (await get(`${path}?limit=1`)).json;
    const asOf = oldest[1].position;
    t.strictSame(
      (await get(`${path}?as_of=${asOf}&cursor=${next_cursor}`)).json.items,
      [oldest[1], oldest[0]],
      'a cursor of a later page leads to nothing after as_of',
    );
  });

  t.test('a diff of two positions is the difference of two folds', async (t) => {
    for (const name of [
      'resource',
      'integration',
      'integration_health',
      'import_completion',
      'connection_state',
      'activity',
    ]) {
      const projection = findProjection(name);
      const [from, to] = [2500, 4000];
      const fold = (position: number) => foldEvents(projection, events.slice(0, position)).rows;
      const [before, after] = [fold(from), fold(to)];
      const want = [...after].filter(([id, row]) => !isDeepStrictEqual(before.get(id), row));
      let added = 0;
      let changed = 0;
      const databases = { log: database.pool, read: database.pool };
      for await (const row of diffRows(databases, projection, { from, to }))
        if (row.change === 'added') added++;
        else if (!isDeepStrictEqual(row.before, row.after)) changed++;
      t.same(
        [added, changed],
        [want.filter(([id]) => !before.has(id)).length, want.filter(([id]) => before.has(id)).length],
        name,
      );
    }
  });
});
