// Every route, and every parameter of it, asked with a key of another workspace: nothing is to be seen, and nothing
// tells what is there from what is not.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../../src/postgres/package-root.js';
import { addKey, revokeKey } from '../../src/query/api-key.js';
import { type Answer, buildQuery, type TestQuery } from '../support/build-query.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { waitFor } from '../support/wait-for.js';

const OURS = '9cabf461-f12c-4495-ab3f-38f3d0e6c503';
const THEIRS = '4e57a3f5-dbe6-435b-b192-77568ea02aa8';
const OPEN = ['/healthz', '/readyz', '/metrics', '/openapi.json'];
const ADMIN = ['/v1/projections', '/v1/rejected', '/v1/parked'];
const LIVE = '/v1/events/live';

interface Operation {
  path: string;
  parameters: { name: string; in: 'path' | 'query' }[];
}

function operations(query: TestQuery): Operation[] {
  const document = query.app.swagger() as {
    paths: Record<string, { get?: { parameters?: Operation['parameters'] } }>;
  };
  return Object.entries(document.paths)
    .map(([path, { get }]) => ({ path, parameters: get?.parameters ?? [] }))
    .filter(({ path }) => !OPEN.includes(path));
}

/** A value of the other workspace, and one that nobody has, for every parameter. */
async function foreignValues(query: TestQuery): Promise<Record<string, [string, string]>> {
  const resource = (await query.get(`/v1/resources?workspace_id=${THEIRS}&status=present&limit=1`)).json
    .items[0];
  const connection = (await query.get(`/v1/connections?workspace_id=${THEIRS}&limit=1`)).json.items[0];
  const [event] = (await query.get(`/v1/events?workspace_id=${THEIRS}&limit=1`)).json.items;
  const nobody = '00000000-1111-2222-3333-444444444444';
  return {
    workspace_id: [THEIRS, nobody],
    integration_id: [resource.integration_id, nobody],
    id: [resource.integration_id, nobody],
    type: [resource.type, resource.type], // Both workspaces have it.
    resource_id: [resource.resource_id, '0'.repeat(32)],
    customer_id: [resource.customer_id, 'nobody'],
    state: [connection.state, nobody],
    position: [String(event.position), '9000000'],
  };
}

const asUrl = ({ path, parameters }: Operation, values: Record<string, string>) => {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]!));
  const search = parameters.filter(({ name, in: where }) => where === 'query' && values[name] !== undefined);
  return `${filled}?${search.map(({ name }) => `${name}=${encodeURIComponent(values[name]!)}`).join('&')}`;
};

const isSame = (one: Answer, other: Answer) => one.status === other.status && one.text === other.text;

t.test('who may look', async (t) => {
  const query = await buildQuery(t);
  const bodies = fixtureBodies();
  await fillLog(query.database.pool, bodies);
  await fillReadModels({ log: query.database.pool });
  const ours = await query.addKey('ours', [OURS.replaceAll('-', '').toUpperCase()]);
  const values = await foreignValues(query);
  const theirs = new Set(
    bodies
      .map((body) => JSON.parse(body))
      .filter(
        (webhook) => webhook.workspace_id.replaceAll('-', '').toLowerCase() === THEIRS.replaceAll('-', ''),
      )
      .flatMap((webhook) => [webhook.workspace_id, webhook.payload.id, webhook.payload.resource_id])
      .filter((id) => id !== undefined),
  );
  const showsTheirs = (text: string) => [...theirs].find((id) => text.includes(id));

  t.test('without a key nothing is answered but health, metrics and the description', async (t) => {
    for (const operation of operations(query)) {
      const url = asUrl(
        operation,
        Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value])),
      );
      for (const key of ['', 'hfk_wrong']) {
        const { status, json, headers } = await query.get(url, key);
        t.equal(status, 401, url);
        t.equal(json.code, 'key-needed');
        t.match(headers['content-type'], 'application/problem+json');
      }
    }
    for (const path of OPEN) t.equal((await query.get(path, '')).status, 200, path);
    t.equal((await query.get('/docs/', '')).status, 200);
    t.equal((await query.get('/v1/nothing', '')).status, 401);
  });

  t.test('no route and no parameter shows a foreign row, or that there is one', async (t) => {
    for (const operation of operations(query).filter(({ path }) => path !== LIVE)) {
      if (ADMIN.includes(operation.path)) {
        t.equal((await query.get(operation.path, ours)).status, 403, operation.path);
        continue;
      }
      const asked = operation.parameters.map(({ name }) => name).filter((name) => values[name]);
      const known = Object.fromEntries(asked.map((name) => [name, values[name]![0]]));
      const required = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      for (const name of [...asked, undefined]) {
        const some = Object.fromEntries(
          [...required, ...(name ? [name] : [])].map((one) => [one, known[one]!]),
        );
        for (const asOf of ['', '&as_of=5881', '&as_of=2100']) {
          if (asOf !== '' && !operation.parameters.some((parameter) => parameter.name === 'as_of')) continue;
          const foreign = await query.get(`${asUrl(operation, some)}${asOf}`, ours);
          t.notOk(showsTheirs(foreign.text), `${operation.path} ${name} ${asOf} shows nothing of theirs`);
          if (name === undefined) continue;
          const absent = await query.get(
            `${asUrl(operation, { ...some, [name]: values[name]![1] })}${asOf}`,
            ours,
          );
          t.ok(isSame(foreign, absent), `${operation.path} ${name} ${asOf} is as if it were not`);
        }
      }
    }
  });

  t.test('its own rows are seen, and those of an admin key without workspaces are all', async (t) => {
    const own = await query.get('/v1/integrations?limit=1000', ours);
    const all = await query.get('/v1/integrations?limit=1000');
    t.ok(own.json.items.length > 0 && own.json.items.length < all.json.items.length);
    t.ok(own.json.items.every((item: { workspace_id: string }) => item.workspace_id === OURS));
    const both = await query.addKey('both', [OURS, THEIRS]);
    t.strictSame((await query.get('/v1/integrations?limit=1000', both)).text, all.text);
    t.strictSame(
      (await query.get('/v1/events?limit=1000', both)).text,
      (await query.get('/v1/events?limit=1000')).text,
    );
  });

  t.test('a revoked key ends within a second, a new one works at once', async (t) => {
    const key = await query.addKey('short-lived', [OURS]);
    t.equal((await query.get('/v1/resources?limit=1', key)).status, 200);
    await t.rejects(addKey(query.database.pool, { name: 'short-lived', workspaces: [OURS] }), {
      code: 'HOOKFOLD_KEY_NAME_TAKEN',
    });
    t.equal(await revokeKey(query.database.pool, 'short-lived'), true);
    await waitFor(async () => (await query.get('/v1/resources?limit=1', key)).status === 401, {
      timeoutMs: 2000,
    });
    t.equal(await revokeKey(query.database.pool, 'short-lived'), false);
  });

  t.test('keys are kept as digests, with the time of their last use', async (t) => {
    const { rows } = await query.database.pool.query("SELECT * FROM api_key WHERE name = 'ours'");
    t.notOk(JSON.stringify(rows).includes(ours));
    t.equal(rows[0].key_hash.length, 32);
    t.ok(rows[0].last_used_at);
  });
});

t.test('no other file of the query room names a relation with rows of customers', async (t) => {
  const room = join(packageRoot(), 'src', 'query');
  const files = readdirSync(room, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const naming = files.filter((file) => {
    const code = readFileSync(join(room, file), 'utf8').replaceAll(/\/\/.*$|^ ?\*.*$/gm, '');
    return /\bevent_log\b|\bread_model\.|projector\.(parked|unreadable)/.test(code);
  });
  t.same(naming, ['scope.ts']);
});
