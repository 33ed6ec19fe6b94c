// The description of the API against the API: what it answers, and what it refuses.
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { keepRejected } from '../../src/log/rejected.js';
import { type Answer, buildQuery } from '../support/build-query.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { I, installed, updated } from '../support/query-webhooks.js';

// biome-ignore lint/suspicious/noExplicitAny: what a schema holds is what the test finds out
type Schema = Record<string, any>;
interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[];
  responses: Record<string, { headers?: Schema; content: Record<string, { schema: Schema }> }>;
}
type Paths = Record<string, { get: Operation }>;

const LIVE = '/v1/events/live';
const OWN = `/v1/integrations/${I}`;
const FIRST = `/v1/resources/${I}/crm%20contact%2F%C3%BC/r`;
/** Every route, asked so that it answers with rows. `I` has a first version, and a health and an import that lag. */
const ASKED: Record<string, string[]> = {
  '/v1/integrations': ['?limit=1000', '?status=healthy', '?import=pending'].map(
    (q) => `/v1/integrations${q}`,
  ),
  '/v1/integrations/{id}': [OWN, `${OWN}?as_of=301`],
  '/v1/integrations/{id}/health': [`${OWN}/health?as_of=302`],
  '/v1/integrations/{id}/imports': [`${OWN}/imports?as_of=302`],
  '/v1/integrations/{id}/events': [`${OWN}/events?body=true`],
  '/v1/resources': ['/v1/resources?limit=1000', `/v1/resources?integration_id=${I}&as_of=302`],
  '/v1/resources/{integration_id}/{type}/{resource_id}': [FIRST, `${FIRST}?as_of=302`],
  '/v1/resources/{integration_id}/{type}/{resource_id}/history': [`${FIRST}/history`],
  '/v1/connections': ['/v1/connections'],
  '/v1/connections/{state}': ['/v1/connections/own'],
  '/v1/activity': ['/v1/activity'],
  '/v1/events': ['/v1/events', '/v1/events?body=true&limit=1000', '/v1/events?order=asc'],
  '/v1/events/{position}': ['/v1/events/1', '/v1/events/301'],
  '/v1/events/{position}/body': ['/v1/events/301/body'],
  '/v1/projections': ['/v1/projections'],
  '/v1/rejected': ['/v1/rejected', '/v1/rejected?reason=not_json'],
  '/v1/unreadable': ['/v1/unreadable'],
  '/v1/parked': ['/v1/parked'],
};

/** A schema that takes no member which it does not name. */
function closed(schema: Schema): Schema {
  if (schema === null || typeof schema !== 'object') return schema;
  if (Array.isArray(schema)) return schema.map(closed);
  const inner: Schema = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, closed(value)]),
  );
  const names = typeof inner.properties === 'object' ? Object.keys(inner.properties) : [];
  return names.length === 0 || inner.type !== 'object' ? inner : { additionalProperties: false, ...inner };
}

t.test('the description', async (t) => {
  const { get, database } = await buildQuery(t);
  await fillLog(database.pool, fixtureBodies().slice(0, 300));
  await fillReadModels({ log: database.pool });
  await fillLog(database.pool, [installed(I, 'own'), updated('r', { n: 1 })]);
  const ahead = ['integration', 'connection_state', 'resource'].map(findProjection);
  await fillReadModels({ log: database.pool }, { projections: ahead });
  const rejected = { source: 'test', reason: 'not_json', detail: 'x', delivery_id: null } as const;
  await keepRejected(database.pool, [
    { ...rejected, headers: '{"a":"b"}', body: Buffer.from('x'), body_length: 1 },
  ]);
  const document = (await get('/openapi.json', '')).json;
  const paths: Paths = Object.fromEntries(
    Object.entries<{ get: Operation }>(document.paths).filter(([path]) => path.startsWith('/v1/')),
  );

  t.test('every answer is as it says, and has nothing that it does not say', async (t) => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    t.same(
      Object.keys(ASKED).toSorted(),
      Object.keys(paths)
        .filter((path) => path !== LIVE)
        .toSorted(),
    );
    for (const [path, asked] of Object.entries(ASKED)) {
      const { headers, content } = paths[path]!.get.responses[200]!;
      const check = ajv.compile(closed(content['application/json']!.schema));
      for (const url of asked) {
        const answer: Answer = await get(url);
        t.equal(answer.status, 200, url);
        check(answer.json);
        t.strictSame(check.errors ?? [], [], url);
        for (const name of Object.keys(headers ?? {})) t.ok(answer.headers[name.toLowerCase()], name);
        t.ok(headers?.['Hookfold-Position'], path);
      }
    }
    t.ok(paths[LIVE]!.get.responses[200]!.content['text/event-stream']);
    const lagging = (await get(`/v1/integrations/${I}`)).json;
    t.match(lagging, { integration_id: I, health: null, import: null });
  });

  t.test('what may be left out is not called required, and what is not known is refused', async (t) => {
    for (const [path, { get: operation }] of Object.entries(paths)) {
      for (const { name, in: where, required, schema } of operation.parameters ?? [])
        t.equal(required ?? false, where === 'path', `${path} ${name} ${JSON.stringify(schema)}`);
      const url = path.replace(/\{(\w+)\}/g, '1');
      const { status, json } = await get(`${url}?unknown=1`);
      t.equal(status, 400, url);
      t.match(json.detail, /unknown parameter "unknown"/, url);
    }
  });

  t.test('a closed set is an enum, and another text is a 400 that names its texts', async (t) => {
    const sets: [string, string, string[]][] = [
      ['/v1/integrations', 'status', ['unknown', 'healthy', 'broken']],
      ['/v1/integrations', 'import', ['pending', 'complete']],
      ['/v1/resources', 'status', ['present', 'deleted']],
      ['/v1/events', 'order', ['asc', 'desc']],
    ];
    for (const [path, name, values] of sets) {
      const parameter = paths[path]!.get.parameters!.find((one) => one.name === name)!;
      t.same(parameter.schema.enum, values);
      t.match(await get(`${path}?${name}=Broken`), {
        status: 400,
        json: { detail: `${name}: expected one of ${values.join(', ')}, found "Broken"` },
      });
    }
    t.match(await get('/v1/rejected?reason=notjson'), {
      status: 400,
      json: { detail: /not_json, too_deep/ },
    });
    t.equal((await get(`/v1/resources?integration_id=${I}&as_of=302&status=Deleted`)).status, 400);
  });

  t.test('it says how a key is given', async (t) => {
    const { components, security } = document;
    t.match(components.securitySchemes, {
      bearer: { type: 'http', scheme: 'bearer' },
      header: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
    });
    t.same(security, [{ bearer: [] }, { header: [] }]);
  });
});
