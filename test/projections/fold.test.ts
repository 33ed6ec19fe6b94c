import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import type { AnyRow, EventProjection, Key, Projection } from '../../projections/contract.js';
import { foldEvents } from '../../projections/fold.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { keyId, keyOfId, keyOfRow } from '../../projections/key.js';
import type { KnownEvent } from '../../projections/read-event.js';
import { columnKind } from '../../schemas/columns.js';
import { EVENT_NAMES } from '../../schemas/events.js';
import { bodyOf, given, type Webhook, webhook } from '../support/given.js';
import { loggedEvent } from '../support/logged-events.js';

const activity = findProjection('activity');
const resource = findProjection('resource');
const health = findProjection('integration_health') as EventProjection<AnyRow>;

// Few ids, so that random histories meet in the same rows; some payloads do not fit their schema.
const payload = fc.record(
  {
    id: fc.constantFrom<unknown>('a', 'b', 7),
    resource_id: fc.constantFrom('r', 's'),
    type: fc.constant('t'),
    data: fc.oneof(fc.jsonValue(), fc.record({ sync_timestamp: fc.constantFrom('1', '2', '02.0', 3) })),
    diff: fc.jsonValue(),
    error: fc.jsonValue(),
    metadata: fc.jsonValue(),
    connector_type: fc.constantFrom('jira', null),
    state: fc.constantFrom('s', 'u', null),
  },
  { requiredKeys: ['id', 'resource_id', 'type', 'data'] },
);
const anyWebhook: fc.Arbitrary<Webhook> = fc.record({
  event: fc.constantFrom(...EVENT_NAMES, 'integration_renamed'),
  payload,
  workspace_id: fc.constantFrom<unknown>('w', 'v', null),
  customer_id: fc.constantFrom('c', null),
});
const history = fc
  .array(anyWebhook, { maxLength: 40 })
  .map((webhooks) => webhooks.map((one, index) => loggedEvent(bodyOf(one), index + 1)));
const renumbered = (events: ReturnType<typeof loggedEvent>[]) =>
  events.map((event, index) => loggedEvent(event.body, index + 1));

function frozen(projection: Projection): Projection {
  const freeze = (row: AnyRow | undefined) => {
    for (const value of Object.values(row ?? {})) Object.freeze(value);
    return Object.freeze(row);
  };
  return { ...projection, evolve: (row: AnyRow, event: never) => projection.evolve(freeze(row), event) };
}

t.test('any history in any order gives one answer, from frozen rows, in one go or in two', async () => {
  const shuffled = history.chain((events) =>
    fc.shuffledSubarray(events, { minLength: events.length }).map(renumbered),
  );
  fc.assert(
    fc.property(shuffled, fc.nat(40), (events, cut) => {
      for (const projection of PROJECTIONS) {
        const once = foldEvents(projection, events);
        const first = foldEvents(frozen(projection), events.slice(0, cut));
        const then = foldEvents(frozen(projection), events.slice(cut), first.rows);
        assert.deepEqual(once.parked, []);
        assert.deepEqual(then.rows, once.rows);
        assert.deepEqual([...first.unreadable, ...then.unreadable], once.unreadable);
      }
    }),
    { numRuns: 100 },
  );
});

t.test('every row lies under its own key and has exactly the columns of its schema', async () => {
  fc.assert(
    fc.property(history, (events) => {
      for (const projection of PROJECTIONS)
        for (const [id, row] of foldEvents(projection, events).rows) {
          assert.equal(keyId(keyOfRow(projection, row)), id);
          assert.deepEqual(Object.keys(row), Object.keys(projection.row.properties));
        }
    }),
    { numRuns: 50 },
  );
});

t.test('a key’s id is its own, whatever its texts hold', async (t) => {
  const text = fc.oneof(fc.constantFrom('', '-', '1:', '1:a', '0:', ':', 'a'), fc.string());
  const key = fc.array(fc.option(text), { maxLength: 3 });
  fc.assert(
    fc.property(key, key, (a: Key, b: Key) => {
      assert.equal(keyId(a) === keyId(b), JSON.stringify(a) === JSON.stringify(b));
      assert.deepEqual(keyOfId(keyId(a)), a);
    }),
    { numRuns: 1000 },
  );
  t.not(keyId([null]), keyId(['null']));
  t.not(keyId([null]), keyId(['-']));
  t.not(keyId(['a', '']), keyId(['', 'a']));
});

t.test(
  'what does not fit its schema is unreadable to those who read it, and counted by activity',
  async (t) => {
    const broken = webhook('integration_new_data_model', { resource_id: 5, type: 't' });
    for (const name of ['resource', 'integration', 'integration_health', 'import_completion']) {
      const { rows, unreadable } = given(findProjection(name), [broken]);
      t.equal(rows.size, 0);
      t.match(
        unreadable,
        [{ position: 1, event: broken.event, reason: /\/payload\/resource_id.*string/ }],
        name,
      );
    }
    t.same(given(findProjection('connection_state'), [broken]).unreadable, []);
    given(activity, [broken]).thenRow(t, { count: 1 });
  },
);

t.test('unknown events and webhook tests are counted by activity and ignored by all others', async (t) => {
  for (const event of ['integration_renamed', '', 'webhook_test', 'constructor', '__proto__'])
    for (const projection of PROJECTIONS) {
      const { rows, unreadable } = given(projection, [{ event, payload: { test: true } }]);
      t.same([rows.size, unreadable], [projection === activity ? 1 : 0, []], `${projection.name} ${event}`);
    }
});

t.test('activity counts by workspace, name and hour of receipt in UTC', async (t) => {
  const at = (time: string, workspace_id: unknown) => ({ event: 'e', payload: {}, workspace_id, at: time });
  given(activity, [
    at('2026-11-23T22:59:59.999Z', null),
    at('2026-11-23T23:00:00.000Z', null),
    at('2026-11-23T22:00:00.000Z', null),
    at('2026-11-23T22:00:00.000Z', 'w'),
  ]).thenRows(t, [
    { workspace_id: null, event: 'e', hour: '2026-11-23T22:00:00.000Z', count: 2 },
    { workspace_id: null, event: 'e', hour: '2026-11-23T23:00:00.000Z', count: 1 },
    { workspace_id: 'w', event: 'e', hour: '2026-11-23T22:00:00.000Z', count: 1 },
  ]);
});

t.test('a name too long for an index is counted under a short one of its own', async (t) => {
  const long = (end: string) => ({ event: 'é'.repeat(300) + end, payload: {} });
  const { rows } = given(activity, [long('a'), long('a'), long('b')]);
  const names = [...rows.values()].map(({ event, count }) => [event, count]);
  t.match(names, [
    [/^é{200}…[0-9a-f]{16}$/, 2],
    [/^é{200}…[0-9a-f]{16}$/, 1],
  ]);
  const [row] = given(activity, [{ event: `a${'😀'.repeat(200)}`, payload: {} }]).rows.values();
  t.ok((row as { event: string }).event.isWellFormed(), 'no character is cut in two');
});

t.test('an id too long for an index is unreadable, and one that just fits is not', async (t) => {
  const ids = (type: string) =>
    webhook('integration_new_data_model', { id: 'é'.repeat(255), resource_id: 'é'.repeat(255), type });
  given(resource, [ids('é'.repeat(255))]).thenRow(t, { last_position: 1 });
  t.match(given(resource, [ids('\0'.repeat(255))]).unreadable, [{ reason: /1530 bytes.*at most 640/ }]);
});

t.test('text that Postgres cannot hold comes to a row as its escapes', async (t) => {
  given(findProjection('integration'), [
    webhook('integration_installed', { id: 'a\0', connector_type: '\ud800' }),
  ]).thenRow(t, { integration_id: 'a\\u0000', connector_type: '\\ud800' });
});

t.test(
  'an event that evolve throws on is parked with all later ones of its key, and others go on',
  async (t) => {
    const throwing = {
      ...health,
      evolve(row: AnyRow | undefined, event: KnownEvent) {
        if (event.position === 2) throw new Error('cannot');
        return event.position === 5 ? (null as unknown as undefined) : health.evolve(row, event);
      },
    };
    const fixed = (id: string) => webhook('integration_oauth_token_fixed', { id });
    const { rows, parked } = given(throwing, [fixed('a'), fixed('a'), fixed('b'), fixed('a'), fixed('b')]);
    t.match([...rows.values()], [{ integration_id: 'a' }, { integration_id: 'b' }]);
    t.match(parked, [
      { position: 2, key: ['a'], error: { message: 'cannot' } },
      { position: 4, key: ['a'] },
      { position: 5, key: ['b'], error: { message: /^evolve answered null/ } },
    ]);
  },
);

t.test('a table has the columns of its rows in their order and its key as constraint', async (t) => {
  const types = { bigint: 'bigint', json: 'json', timestamptz: 'timestamptz\\(3\\)', boolean: 'boolean' };
  const text = { text: 'text COLLATE "C"', 'text[]': 'text\\[\\] COLLATE "C"' };
  for (const { name, row, keyColumns, folder } of PROJECTIONS) {
    const sql = readFileSync(new URL('table.sql', folder), 'utf8');
    const columns = Object.entries(row.properties).map(([column, schema]) => {
      const isNullable = [schema.type].flat().includes('null') || schema.type === undefined;
      return `  ${column} ${{ ...types, ...text }[columnKind(schema)]}${isNullable ? '' : ' NOT NULL'},\n`;
    });
    t.match(sql, new RegExp(`CREATE TABLE :table \\(\n${columns.join('')}  (PRIMARY KEY|UNIQUE)`), name);
    t.match(sql, `(${keyColumns.join(', ')})\n)`, `${name}: key`);
    t.same(Object.keys(row.properties).slice(0, keyColumns.length), keyColumns);
  }
});

t.test('a projection that is not known is answered with those that are', async (t) => {
  t.equal(findProjection('activity').name, 'activity');
  t.throws(() => findProjection('resources'), /"resources".*resource, integration, connection_state/);
});
