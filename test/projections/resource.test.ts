import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { given, INTEGRATION, WORKSPACE, webhook } from '../support/given.js';

const resource = findProjection('resource');
const ids = { type: 'crm_crmcontact', resource_id: 'ABCDEF0123456789abcdef0123456789' };
const created = () => webhook('integration_new_data_model', ids);
const deleted = () => webhook('integration_deleted_data_model', ids);
const updated = (sync_timestamp: unknown, name = 'Ada', diff: unknown = null) =>
  webhook('integration_updated_data_model', { ...ids, diff, data: { name, sync_timestamp } });
const dataOf = (row: { data?: unknown } | undefined) => JSON.parse(row?.data as string);
const second = (n: number) => `2026-11-23T22:46:0${n}.000Z`;

t.test('a new resource is present, without data', async (t) => {
  given(resource, [created()]).thenRow(t, {
    integration_id: INTEGRATION,
    type: 'crm_crmcontact',
    resource_id: 'ABCDEF0123456789abcdef0123456789',
    workspace_id: WORKSPACE,
    customer_id: null,
    status: 'present',
    data: null,
    update_count: 0,
    stale_count: 0,
    last_diff: null,
    first_seen_at: second(1),
    updated_at: null,
    deleted_at: null,
    last_position: 1,
    applied_timestamp: null,
  });
});

t.test('an update replaces the whole data and keeps the diff, as the sender wrote them', async (t) => {
  const body = (data: string, diff: string) =>
    `{"workspace_id": "${WORKSPACE}", "event": "integration_updated_data_model", "payload": ` +
    `{"id": "${INTEGRATION}", "resource_id": "r", "type": "t", "diff": ${diff}, "data": ${data}}}`;
  const exact = '{"n": 12345678901234567890.10, "e": 1E400, "b": 1, "a": "\\u00e9", "a": "\\u0000"}';
  given(resource, [body('{"gone": 1}', 'null'), body(exact, '{"root.n": {"new_value": 1.0}}')]).thenRow(t, {
    data: exact,
    last_diff: '{"root.n": {"new_value": 1.0}}',
    update_count: 2,
    updated_at: second(2),
  });
});

t.test('a new on a present row changes nothing but the last position', async (t) => {
  const [before] = given(resource, [updated('5')]).rows.values();
  const again = webhook('integration_new_data_model', ids, { customer_id: 'other' });
  given(resource, [updated('5'), again]).thenRow(t, { ...before, last_position: 2 });
});

t.test('a delete takes the data away and a new brings the resource back empty', async (t) => {
  given(resource, [updated('5'), deleted()]).thenRow(t, {
    status: 'deleted',
    data: null,
    deleted_at: second(2),
    update_count: 1,
    applied_timestamp: '5',
  });
  given(resource, [updated('5'), deleted(), created()]).thenRow(t, {
    status: 'present',
    data: null,
    deleted_at: null,
    updated_at: second(1),
    last_position: 3,
  });
});

t.test('a delete of an unseen resource makes a deleted row, and an update resurrects it', async (t) => {
  given(resource, [deleted()]).thenRow(t, {
    status: 'deleted',
    deleted_at: second(1),
    first_seen_at: second(1),
  });
  given(resource, [deleted(), updated('5')]).thenRow(t, {
    status: 'present',
    deleted_at: null,
    update_count: 1,
  });
});

t.test('an update with a lower timestamp is stale, and only counted', async (t) => {
  const [before] = given(resource, [updated('5', 'newer', { d: 1 })]).rows.values();
  const late = webhook(
    'integration_updated_data_model',
    { ...ids, data: { sync_timestamp: '4.9' } },
    { customer_id: 'c' },
  );
  given(resource, [updated('5', 'newer', { d: 1 }), late]).thenRow(t, {
    ...before,
    stale_count: 1,
    last_position: 2,
  });
});

t.test(
  'an update with an equal timestamp is applied to a present row, and stale on a deleted one',
  async (t) => {
    given(resource, [updated('5'), updated('5.0')]).thenRow(t, { update_count: 2, stale_count: 0 });
    given(resource, [updated('5'), deleted(), updated('5.00')]).thenRow(t, {
      status: 'deleted',
      data: null,
      update_count: 1,
      stale_count: 1,
      last_position: 3,
    });
    given(resource, [updated('5'), deleted(), created(), updated('5')]).thenRow(t, { update_count: 2 });
    given(resource, [updated('5'), deleted(), updated('5.1')]).thenRow(t, {
      status: 'present',
      update_count: 2,
    });
  },
);

t.test('timestamps are compared exactly, as decimals of any length', async (t) => {
  const stale = (first: string, then: string) =>
    [...given(resource, [updated(first), updated(then)]).rows.values()][0]?.stale_count;
  t.equal(stale('1674902623.2351710000000001', '1674902623.235171'), 1);
  t.equal(stale('1674902623.235171', '1674902623.2351710000000001'), 0);
  t.equal(stale('90071992547409930', '90071992547409929'), 1);
  t.equal(stale('10', '9'), 1);
  t.equal(stale('9', '10'), 0);
  t.equal(stale('0010', '9.5'), 1);
  t.equal(stale('9.50', '9.5'), 0);
  t.equal(stale('9.12', '09.2'), 0);
  t.equal(stale('9.2', '09.12'), 1);
});

t.test('a timestamp that is no decimal string is never stale, and nothing after it is', async (t) => {
  for (const odd of [7, null, '-1', '1e3', '1.', '.5', ' 1', '١', undefined, { n: 1 }])
    given(resource, [updated('5'), updated(odd, 'odd'), updated('3', 'last')]).thenRow(
      t,
      { stale_count: 0, update_count: 3, applied_timestamp: '3' },
      JSON.stringify(odd),
    );
});

t.test('data may be any JSON, and null is no data', async (t) => {
  for (const data of [1, 'text', [1], false, {}]) {
    const event = webhook('integration_updated_data_model', { ...ids, data });
    t.same(dataOf([...given(resource, [event]).rows.values()][0]), data);
  }
  given(resource, [webhook('integration_updated_data_model', { ...ids, data: null })]).thenRow(t, {
    data: null,
    update_count: 1,
  });
});

t.test('the workspace is that of the first event and the customer the last that was given', async (t) => {
  const from = (workspace_id: string, customer_id: unknown) =>
    webhook('integration_updated_data_model', { ...ids, data: {} }, { workspace_id, customer_id });
  given(resource, [from('a', 'c1'), from('b', 'c2'), from('b', null)]).thenRow(t, {
    workspace_id: 'a',
    customer_id: 'c2',
  });
});

t.test('resources are apart by integration, type and id, whose case counts', async (t) => {
  const other = (more: object) => webhook('integration_new_data_model', { ...ids, ...more });
  const { rows } = given(resource, [
    created(),
    other({ id: 'x' }),
    other({ type: 'x' }),
    other({ resource_id: ids.resource_id.toLowerCase() }),
    other({ id: INTEGRATION.replaceAll('-', '').toUpperCase() }),
  ]);
  t.equal(rows.size, 4);
});
