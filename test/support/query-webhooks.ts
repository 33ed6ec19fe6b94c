// Webhooks for the tests of the query API: two workspaces, one integration, a type that needs escaping.

export const W = '11111111-2222-3333-4444-555555555555';
export const V = '99999999-2222-3333-4444-555555555555';
export const I = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
/** An update of a resource of `I`. */
export const updated = (resource_id: string, data: unknown, extra: object = {}) => ({
  workspace_id: W,
  customer_id: 'c',
  event: 'integration_updated_data_model',
  state: null,
  payload: { id: I, resource_id, type: 'crm contact/ü', diff: null, data },
  ...extra,
});
/** An install with a state. */
export const installed = (id: string, state: string, workspace_id = W) => ({
  ...{ workspace_id, customer_id: 'c', event: 'integration_installed', state },
  payload: { id, connector_type: 'jira', metadata: { b: 1, a: 2 }, state },
});
