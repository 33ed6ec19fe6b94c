import t from 'tap';
import { findProjection } from '../../projections/index.js';
import { given, type Webhook, WORKSPACE, webhook } from '../support/given.js';

const health = findProjection('integration_health');
const imports = findProjection('import_completion');
const second = (n: number) => `2026-11-23T22:46:0${n}.000Z`;
const failed = (error: unknown = 'E') => webhook('integration_cannot_refresh_oauth_token', { error });
const fixed = (more: Partial<Webhook> = {}) => webhook('integration_oauth_token_fixed', {}, more);
const installed = (more: Partial<Webhook> = {}) => webhook('integration_installed', {}, more);
const done = (more: Partial<Webhook> = {}) => webhook('integration_import_done', {}, more);
const resource = (verb: string) =>
  webhook(`integration_${verb}_data_model`, { resource_id: 'r', type: 't', data: {} });
const incidentsOf = ({ rows }: ReturnType<typeof given>) =>
  JSON.parse([...rows.values()][0]?.incidents as string);

t.test('health is unknown until a token fails or works', async (t) => {
  given(health, [done(), resource('new')]).thenRow(t, {
    status: 'unknown',
    status_since: second(1),
    incidents: '[]',
    open_incident: null,
    last_data_at: second(2),
    workspace_id: WORKSPACE,
  });
  given(health, [done(), fixed()]).thenRow(t, {
    status: 'healthy',
    status_since: second(2),
    incidents: '[]',
  });
  given(health, [done(), installed()]).thenRow(t, {
    status: 'healthy',
    status_since: second(2),
    incidents: '[]',
  });
});

t.test('a failure opens an incident and later ones count in it', async (t) => {
  given(health, [failed('one'), failed({ code: 401 })]).thenRow(t, {
    status: 'broken',
    status_since: second(1),
    last_error: '{"code":401}',
    failure_count: 2,
    incident_count: 1,
    open_incident: `{"opened_at":"${second(1)}","opened_position":1,"failures":2,"first_error":"one"}`,
    open_incident_failures: 2,
  });
});

t.test('a fixed token closes the incident and keeps the last error as history', async (t) => {
  const folded = given(health, [failed(), failed('F'), fixed()]);
  folded.thenRow(t, {
    status: 'healthy',
    status_since: second(3),
    last_error: '"F"',
    open_incident: null,
    open_incident_failures: 0,
    downtime_ms: 2000,
    failure_count: 2,
  });
  const closed = { opened_at: second(1), closed_at: second(3), failures: 2, first_error: 'E' };
  t.strictSame(incidentsOf(folded), [{ ...closed, recovered_by: 'token_fixed' }]);
});

t.test('a new install closes the incident too, and a second recovery changes nothing', async (t) => {
  const folded = given(health, [failed(null), installed(), fixed()]);
  folded.thenRow(t, { status: 'healthy', status_since: second(2), incident_count: 1, last_error: null });
  t.match(incidentsOf(folded), [{ first_error: null, recovered_by: 'reinstalled' }]);
});

t.test('the last 50 incidents are kept and all are counted', async (t) => {
  const folded = given(health, Array.from({ length: 60 }, (_, n) => [failed(n), fixed()]).flat());
  folded.thenRow(t, { incident_count: 60, downtime_ms: 60_000 });
  t.strictSame(
    incidentsOf(folded).map((incident: { first_error: number }) => incident.first_error),
    Array.from({ length: 50 }, (_, n) => n + 10),
  );
});

t.test('an error is embedded exactly as it was received', async (t) => {
  const error = '{"n": 1.00, "big": 123456789012345678901, "s": "\\u00e9\\"]}", "n": 2}';
  const body = `{"workspace_id":"w","event":"integration_cannot_refresh_oauth_token","payload":{"id":"i","error":${error}}}`;
  const fixedBody = '{"workspace_id":"w","event":"integration_oauth_token_fixed","payload":{"id":"i"}}';
  const [row] = given(health, [body, body, fixedBody, body, fixedBody]).rows.values();
  t.equal(row?.last_error, error);
  t.equal(String(row?.incidents).split(`"first_error":${error}`).length, 3);
});

t.test('clocks that run backwards give no negative time', async (t) => {
  const early = { at: '2020-01-01T00:00:00.000Z' };
  given(health, [failed(), fixed(early)]).thenRow(t, { downtime_ms: 0 });
  given(imports, [installed(), done(early)]).thenRow(t, { last_duration_ms: 0 });
});

t.test('an import is pending until it is done, and again after a new install', async (t) => {
  given(imports, [resource('new')]).thenRow(t, { status: 'pending', install_count: 0, completed_count: 0 });
  given(imports, [installed(), done()]).thenRow(t, { status: 'complete', completed_count: 1 });
  given(imports, [installed(), done(), done()]).thenRow(t, {
    status: 'complete',
    completed_count: 2,
    first_completed_at: second(2),
    last_completed_at: second(3),
  });
  given(imports, [installed(), done(), installed()]).thenRow(t, { status: 'pending', install_count: 2 });
});

t.test(
  'a first install that arrives after an import done leaves it complete, a second does not',
  async (t) => {
    given(imports, [done(), installed()]).thenRow(t, { status: 'complete', install_count: 1 });
    given(imports, [done(), installed(), installed()]).thenRow(t, { status: 'pending', install_count: 2 });
  },
);

t.test('a duration is from the last install to the first import done after it', async (t) => {
  given(imports, [installed()]).thenRow(t, { last_duration_ms: null });
  given(imports, [done()]).thenRow(t, { last_duration_ms: null });
  given(imports, [done(), installed()]).thenRow(t, { last_duration_ms: null });
  given(imports, [installed(), resource('new'), done(), done()]).thenRow(t, { last_duration_ms: 2000 });
  given(imports, [installed(), installed(), done()]).thenRow(t, { last_duration_ms: 1000 });
  given(imports, [installed(), done(), installed()]).thenRow(t, { last_duration_ms: null });
  given(imports, [done(), installed(), resource('new'), done()]).thenRow(t, { last_duration_ms: 2000 });
});

t.test('resource events are counted, repeats included', async (t) => {
  const events = ['new', 'updated', 'updated', 'updated', 'deleted', 'deleted'].map(resource);
  given(imports, [...events, installed()]).thenRow(t, {
    resources_new: 1,
    resources_updated: 3,
    resources_deleted: 2,
  });
});
