// Paging, parameters, positions and events.
import t from 'tap';
import { buildQuery } from '../support/build-query.js';
import { fillLog } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { I, installed, updated, V, W } from '../support/query-webhooks.js';

t.test('before any read model is built it says so, with 503', async (t) => {
  const { get, database } = await buildQuery(t);
  const { status, json, headers } = await get('/v1/resources');
  t.equal(status, 503);
  t.equal(json.code, 'not-built');
  t.ok(headers['retry-after']);
  t.match(await get('/v1/resources?min_position=1&wait_ms=1'), { status: 503, json });
  t.same((await get('/v1/projections')).json, { items: [], next_cursor: null });
  t.same((await get('/v1/events')).json, { items: [], next_cursor: null });

  const waiting = get('/v1/resources?min_position=1&wait_ms=30000');
  await fillLog(database.pool, [installed(I, 's1')]);
  await fillReadModels({ log: database.pool });
  t.equal((await waiting).status, 200, 'it is waited for');
});

t.test('lists and parameters', async (t) => {
  const { get, database } = await buildQuery(t);
  const ids = Array.from({ length: 25 }, (_, index) => `r${String(index).padStart(2, '0')}`);
  await fillLog(database.pool, [
    installed(I, 's1'),
    ...ids.map((id) => updated(id, { sync_timestamp: '1.0', n: 1 })),
    installed(I.replace('a', 'b'), 's1'),
    installed(I.replace('a', 'c'), 's1', V),
    { event: 'some_future_event', payload: {} },
    updated('r00', 5, { customer_id: 'd' }),
  ]);
  const head = await fillReadModels({ log: database.pool });

  t.test('a page follows the one before, without a gap or an overlap', async (t) => {
    const seen: string[] = [];
    let url = `/v1/resources?limit=10&integration_id=${I.replaceAll('-', '').toUpperCase()}`;
    for (;;) {
      const { json, position } = await get(url);
      seen.push(...json.items.map((item: { resource_id: string }) => item.resource_id));
      t.equal(position, head);
      if (json.next_cursor === null) break;
      url = `${url.replace(/&cursor.*/, '')}&cursor=${json.next_cursor}`;
    }
    t.same(seen, ids);
    const hours = await get('/v1/activity?limit=1');
    t.ok(hours.json.next_cursor);
    let rest = 0;
    for (let cursor = hours.json.next_cursor; cursor; rest++)
      cursor = (await get(`/v1/activity?limit=1&cursor=${cursor}`)).json.next_cursor;
    t.equal(rest + 1, (await get('/v1/activity')).json.items.length, 'a null workspace sorts last');
  });

  t.test('an unknown or malformed parameter is a 400 that says what is known', async (t) => {
    const cases: [string, RegExp][] = [
      ['/v1/resources?colour=red', /unknown parameter "colour"; known here: workspace_id, integration_id/],
      ['/v1/resources?limit=0', /limit: expected integer to be greater or equal to 1, found 0/],
      ['/v1/resources?limit=x', /limit: expected integer, found "x"/],
      ['/v1/resources?limit=1&limit=2', /limit: expected integer/],
      ['/v1/resources?__proto__=1', /unknown parameter "__proto__"/],
      ['/v1/resources?cursor=abc', /cursor: expected the next_cursor/],
      [`/v1/resources?cursor=${Buffer.from('["integration","x"]').toString('base64url')}`, /cursor/],
      [`/v1/events?cursor=${Buffer.from('["event-desc","1e999"]').toString('base64url')}`, /cursor/],
      ...['2026-99-99', '2026-02-30', '0000-01-01', '10000-01-01'].map((day): [string, RegExp] => [
        `/v1/activity?cursor=${Buffer.from(`["activity","x","y","${day} 00:00:00+00"]`).toString('base64url')}`,
        /cursor/,
      ]),
      ['/v1/resources?as_of=3', /integration_id/],
      [`/v1/resources?as_of=999&integration_id=${I}`, /the log ends at 30, found 999/],
      [`/v1/integrations/${I}?as_of=yesterday`, /as_of: expected an RFC 3339 time/],
      [`/v1/integrations/${I}?as_of=2999-01-01T00:00:00Z`, /a time that has passed/],
      [`/v1/integrations/${I}?as_of=3&min_position=3`, /one of the two/],
      ['/v1/events/x', /position: expected integer/],
      ['/v1/events/1e3', /position: expected integer, found "1e3"/],
      ['/v1/events?min_position=1.5', /min_position: expected integer, found "1.5"/],
      ['/v1/resources?min_position=1e6&wait_ms=1', /min_position: expected integer, found "1e6"/],
      ...['0000-01-01T00:00:00Z', '0001-01-01T00:00:00%2B01:00', '9999-12-31T23:59:59-01:00']
        .concat('2026-02-30T00:00:00Z', '2026-02-28T24:00:00Z', '2025-02-29 00:00:00Z', 'now')
        .flatMap((time): [string, RegExp][] => [
          [`/v1/activity?from=${time}`, /from: expected an RFC 3339 time/],
          [`/v1/integrations/${I}?as_of=${time}`, /as_of: expected an RFC 3339 time/],
        ]),
      ['/v1/connections/s1', /workspace/],
    ];
    for (const [url, detail] of cases) {
      const { status, json, headers } = await get(url);
      t.equal(status, 400, url);
      t.match(json.detail, detail, url);
      t.equal(headers['content-type'], 'application/problem+json; charset=utf-8');
    }
  });

  t.test('any text in a parameter is only a text that matches nothing', async (t) => {
    for (const text of ['%00', "'; DROP TABLE x --", '\\', '%F0%9F%92%A9', '%', '{}', 'x'.repeat(5000)]) {
      for (const path of [
        '/v1/resources?type=',
        '/v1/integrations?customer_id=',
        '/v1/events?integration_id=',
        '/v1/rejected?source=',
      ])
        t.match(
          await get(`${path}${text}`),
          { status: 200, json: { items: [] } },
          `${path}${text.slice(0, 20)}`,
        );
      t.ok([400, 404].includes((await get(`/v1/integrations/${encodeURI(text)}`)).status));
    }
    for (const path of ['%zz', 'x'.repeat(5000)])
      t.match(await get(`/v1/connections/${path}`), {
        ...{ status: 400, json: { code: 'invalid-request' } },
        headers: { 'content-type': /^application\/problem\+json/ },
      });
    t.match(await get(`/v1/resources/${I}/crm%20contact%2F%C3%BC/r00`), {
      json: { resource_id: 'r00', data: 5 },
    });
  });

  t.test('an integration has its health and import, a state its integrations', async (t) => {
    const { json } = await get(
      `/v1/integrations?status=healthy&import=pending&workspace_id=${W}&installed=true`,
    );
    t.equal(json.items.length, 2);
    t.match(json.items[0], {
      integration_id: I,
      health: { status: 'healthy' },
      import: { resources_updated: 26 },
    });
    t.notOk('workspace_id' in json.items[0].health, 'internal columns stay inside');
    t.match((await get(`/v1/connections/s1?workspace_id=${W}`)).json, {
      collision: true,
      integration_ids: { length: 2 },
    });
    t.match((await get('/v1/connections?collision=false')).json.items, [{ workspace_id: V }]);
    t.match(await get('/v1/connections/none'), { status: 404, position: head });
  });

  t.test('numbers and texts leave as they came', async (t) => {
    const body =
      '{"workspace_id":"w","event":"integration_updated_data_model","payload":{"id":"i","resource_id":"r","type":"t","data":{"n": 1e400, "big":12345678901234567890.10,"s":"\\ud800\\u0000é"},"diff":[ 1 ]}}';
    const position = await fillLog(database.pool, [body]);
    await fillReadModels({ log: database.pool });
    t.match(
      (await get('/v1/resources/i/t/r')).text,
      '"data":{"n": 1e400, "big":12345678901234567890.10,"s":"\\ud800\\u0000é"}',
    );
    const raw = await get(`/v1/events/${position}/body`);
    t.equal(raw.text, body);
    t.equal(raw.headers['content-type'], 'application/json');
    t.ok((await get(`/v1/events/${position}`)).text.endsWith(`"body":${body}}`));
    t.match((await get('/v1/events?body=true&limit=1')).text, body);
    t.equal((await get(`/v1/events/${position + 1}`)).status, 404);
  });

  t.test('events are filtered, newest or oldest first', async (t) => {
    const positions = async (url: string) =>
      (await get(url)).json.items.map((one: { position: number }) => one.position);
    t.same(await positions('/v1/events?resource_id=r00'), [30, 2]);
    t.same(await positions('/v1/events?resource_id=r00&order=asc&limit=1'), [2]);
    t.same(await positions(`/v1/integrations/${I}/events?event=integration_installed`), [1]);
    t.same(await positions(`/v1/events?workspace_id=${V}&source=test`), [28]);
    t.same(await positions('/v1/events?source=other'), []);
  });

  t.test('the description is OpenAPI 3.1 with every route and its parameters', async (t) => {
    const { json } = await get('/openapi.json', '');
    t.equal(json.openapi, '3.1.0');
    const names = json.paths['/v1/resources'].get.parameters.map((one: { name: string }) => one.name);
    t.same(names.includes('as_of') && names.includes('min_position'), true);
    const row = json.paths['/v1/integrations/{id}'].get.responses[200].content['application/json'].schema;
    t.ok(row.properties.health.anyOf[0].properties.open_incident_failures);
    t.match((await get('/docs/', '')).text, /swagger/i);
    const unknown = await get('/v1/resources?colour=red');
    for (const path of Object.keys(json.paths).filter((path) => path.startsWith('/v1/'))) {
      const { responses } = json.paths[path].get;
      t.ok(responses[200], path);
      const { schema } = responses.default.content['application/problem+json'];
      t.same(Object.keys(schema.properties), Object.keys(unknown.json), path);
    }
  });

  t.test('operators see progress, rejected requests and what could not be read', async (t) => {
    const projections = (await get('/v1/projections')).json.items;
    t.equal(projections.length, 6);
    t.match(projections[0], { position: 31, lag_events: 0, parked: 0, rebuild: null });
    t.same((await get('/v1/parked')).json.items, []);
    t.same((await get('/v1/unreadable')).json.items, []);
    await database.pool.query(
      `INSERT INTO rejected_webhook (source, reason, detail, headers, body, body_length)
       SELECT 'test', 'not_json', 'x', '{}', '\\x00', 1 FROM generate_series(1, 3)`,
    );
    const first = (await get('/v1/rejected?limit=2')).json;
    t.same(
      first.items.map((one: { id: number }) => one.id),
      [3, 2],
    );
    t.same((await get(`/v1/rejected?limit=2&cursor=${first.next_cursor}`)).json.items.length, 1);
  });
});

t.test('large rows end a page early, and it goes on behind them', async (t) => {
  const { get, database } = await buildQuery(t);
  const large = 'x'.repeat(3_000_000);
  await fillLog(
    database.pool,
    ['a', 'b', 'c', 'd', 'e'].map((id) => updated(id, large)),
  );
  await fillReadModels({ log: database.pool });
  const seen: number[] = [];
  for (let cursor = '', more = true; more; ) {
    const { json } = await get(`/v1/resources?limit=100${cursor}`);
    seen.push(json.items.length);
    more = json.next_cursor !== null;
    cursor = `&cursor=${json.next_cursor}`;
  }
  t.same(seen, [3, 2]);
  const events = (await get('/v1/events?body=true&limit=100')).json;
  t.equal(events.items.length, 3);
  t.equal((await get('/v1/events?limit=100')).json.items.length, 5);

  // A text is as large as its sender makes it.
  await fillLog(
    database.pool,
    ['a', 'b', 'c', 'd', 'e'].map((id) => updated(id, 1, { state: large })),
  );
  const { items, next_cursor } = (await get('/v1/events?limit=100')).json;
  t.equal(items.length, 3);
  t.equal((await get(`/v1/events?limit=100&cursor=${next_cursor}`)).json.items.length, 7);
});
