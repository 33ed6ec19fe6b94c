// The fixture's read models through the API: every named field of expected.json.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { type Answer, buildQuery, type TestQuery } from '../support/build-query.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';

type Row = Record<string, unknown>;
const expected = JSON.parse(
  readFileSync(new URL('../fixtures/expected.json', import.meta.url), 'utf8'),
) as Record<string, Row[]>;

async function allItems(query: TestQuery, url: string): Promise<Row[]> {
  const items: Row[] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? '' : `&cursor=${cursor}`;
    const page: Answer = await query.get(`${url}${url.includes('?') ? '' : '?'}${next}`);
    items.push(...page.json.items);
    cursor = page.json.next_cursor;
  } while (cursor !== null);
  return items;
}

const named = (row: Row, like: Row) => Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]));

t.test('the API over the fixture', async (t) => {
  const query = await buildQuery(t);
  const bodies = fixtureBodies();
  await fillLog(query.database.pool, bodies);
  await fillReadModels({ log: query.database.pool });

  t.test('resources are as expected, page by page', async (t) => {
    const items = await allItems(query, '/v1/resources?limit=300');
    const key = (row: Row) => `${row.integration_id}/${row.type}/${row.resource_id}`;
    const byKey = new Map(items.map((row) => [key(row), row]));
    t.equal(items.length, expected.resource!.length);
    const wrong = expected.resource!.filter(
      (row) => !isDeepStrictEqual(named(byKey.get(key(row))!, row), row),
    );
    t.same(wrong, []);
  });

  t.test('integrations, with health and import, are as expected', async (t) => {
    const items = await allItems(query, '/v1/integrations?limit=7');
    t.equal(items.length, expected.integration!.length);
    for (const row of expected.integration!) {
      const { json, position } = await query.get(`/v1/integrations/${row.integration_id}`);
      t.strictSame(named(json, row), row);
      t.strictSame(
        json,
        items.find((item) => item.integration_id === row.integration_id),
      );
      t.equal(position, bodies.length);
    }
  });
});
