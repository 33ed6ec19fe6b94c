import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { INTEGRATION_EVENTS } from '../../schemas/events.js';
import { given, INTEGRATION, WORKSPACE, webhook } from '../support/given.js';

const integration = findProjection('integration');
const connectionState = findProjection('connection_state');
const second = (n: number) => `2026-11-23T22:46:0${n}.000Z`;
const installed = (payload: object = {}, more: object = {}) =>
  webhook('integration_installed', payload, more);
const fixed = (more: object = {}) => webhook('integration_oauth_token_fixed', {}, more);
const resourceIds = { resource_id: 'r', type: 't', data: {} };

t.test('any of the seven events makes a row in each model of integrations', async (t) => {
  for (const name of ['integration', 'integration_health', 'import_completion'])
    for (const event of INTEGRATION_EVENTS)
      given(findProjection(name), [webhook(event, resourceIds)]).thenRow(
        t,
        { integration_id: INTEGRATION, workspace_id: WORKSPACE },
        `${name} ${event}`,
      );
});

t.test('an integration is installed once an install was seen', async (t) => {
  given(integration, [fixed()]).thenRow(t, {
    installed: false,
    install_count: 0,
    installed_at: null,
    first_position: 1,
  });
  given(integration, [fixed(), installed(), installed(), fixed()]).thenRow(t, {
    installed: true,
    install_count: 2,
    first_seen_at: second(1),
    installed_at: second(3),
    last_event_at: second(4),
    first_position: 1,
    last_position: 4,
  });
});

t.test('customer, connector and state keep the last value that was not null', async (t) => {
  const done = webhook('integration_import_done', { connector_type: 'asana' }, { state: 's2' });
  given(integration, [
    installed({ connector_type: 'jira', state: 's1' }, { customer_id: 'c1' }),
    done,
    installed({ connector_type: null, state: null }, { customer_id: null }),
    fixed({ customer_id: 'c2' }),
  ]).thenRow(t, { customer_id: 'c2', connector_type: 'asana', state: 's2' });
});

t.test('the state is the payload’s, else the envelope’s', async (t) => {
  given(integration, [installed({ state: 'inner' }, { state: 'outer' })]).thenRow(t, { state: 'inner' });
  given(integration, [installed({ state: null }, { state: 'outer' })]).thenRow(t, { state: 'outer' });
});

t.test('metadata is the last install’s, null included', async (t) => {
  const withMetadata = installed({ metadata: { a: [1] } });
  given(integration, [withMetadata, fixed()]).thenRow(t, { metadata: '{"a":[1]}' });
  given(integration, [withMetadata, installed({ metadata: null })]).thenRow(t, { metadata: null });
  given(integration, [withMetadata, installed()]).thenRow(t, { metadata: null });
});

t.test('an event from elsewhere does not move an integration to another workspace', async (t) => {
  given(integration, [installed(), fixed({ workspace_id: 'other' })]).thenRow(t, { workspace_id: WORKSPACE });
});

t.test('ids are one in any spelling of a UUID', async (t) => {
  const plain = INTEGRATION.replaceAll('-', '');
  given(integration, [
    installed({ id: plain }),
    installed({ id: plain.toUpperCase() }),
    installed({ id: INTEGRATION.toUpperCase() }),
  ]).thenRow(t, { integration_id: INTEGRATION, install_count: 3 });
});

t.test('a state that ended in two integrations is flagged as a collision', async (t) => {
  const [a, b] = [installed({ id: 'a', state: 's' }), installed({ id: 'b', state: 's' })];
  given(connectionState, [b, b]).thenRow(t, { integration_ids: ['b'], collision: false });
  given(connectionState, [b, a, b]).thenRow(t, {
    workspace_id: WORKSPACE,
    state: 's',
    integration_ids: ['b', 'a'],
    collision: true,
    first_installed_at: second(1),
  });
});

t.test('a connection is of an install with a state, within a workspace', async (t) => {
  const { rows } = given(connectionState, [installed({ state: null }), fixed({ state: 's' })]);
  t.equal(rows.size, 0);
  given(connectionState, [
    installed({ id: 'a' }, { state: 's' }),
    installed({ id: 'b' }, { state: 's', workspace_id: 'other' }),
  ]).thenRows(t, [
    { workspace_id: WORKSPACE, integration_ids: ['a'], collision: false },
    { workspace_id: 'other', integration_ids: ['b'], collision: false },
  ]);
});
