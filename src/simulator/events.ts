// The sender's webhooks, one function each.
import { type Integration, type Resource, webhook } from './integration.js';
import type { Random } from './random.js';

/** An integration is installed. */
export const installed = (of: Integration) =>
  webhook(
    of,
    'integration_installed',
    `, "connector_type": "${of.connectorType}", "metadata": {"account": "acme", "region": "eu"}, "state": "${of.state}"`,
  );

/** An import is done. */
export const importDone = (of: Integration) =>
  webhook(of, 'integration_import_done', `, "connector_type": "${of.connectorType}"`);

/** A token cannot be refreshed. */
export const cannotRefresh = (of: Integration, error: string) =>
  webhook(of, 'integration_cannot_refresh_oauth_token', `, "error": ${error}`);

/** A token works again. */
export const tokenFixed = (of: Integration) => webhook(of, 'integration_oauth_token_fixed', '');

const named = (of: Integration, { id }: Resource) => `, "resource_id": "${id}", "type": "${of.type}"`;

/** A resource is new. */
export const created = (of: Integration, resource: Resource) =>
  webhook(of, 'integration_new_data_model', named(of, resource));

/** A resource is deleted. */
export const deleted = (of: Integration, resource: Resource) =>
  webhook(of, 'integration_deleted_data_model', named(of, resource));

/** The whole row of a resource as a run saw it, of which `padding` characters say nothing. */
export function updated(
  random: Random,
  of: Integration,
  resource: Resource,
  syncTimestamp: string,
  padding: number,
): string {
  const price = `${random.below(10_000)}.${random.below(10)}0`;
  const diff = random.chance(0.8)
    ? 'null'
    : `{"values_changed": {"root.amount": {"new_value": "${price}", "old_value": "${random.below(10_000)}.00"}}}`;
  const note = noteOf(random, padding);
  return webhook(
    of,
    'integration_updated_data_model',
    `${named(of, resource)}, "diff": ${diff}, "data": {"id": "${resource.id}", ` +
      `"created": "2023-06-07T09:12:44.120000Z", "modified": "2023-06-07T09:12:44.120000Z", ` +
      `"source": "${of.connectorType}", "integration_id": "${of.id}", "external_id": "${resource.externalId}", ` +
      `"sync_timestamp": "${syncTimestamp}", "name": "${resource.name}", "amount": "${price}", ` +
      `"phone": null, "published": ${random.chance(0.5)}, "last_raw_data": {"_airbyte_raw_id": "${random.uuid()}", ` +
      `"fields": {"n": ${random.below(2 ** 31)}, "note": "${note}"}}}`,
  );
}

// Now and then the connector's raw record is large.
function noteOf(random: Random, padding: number): string {
  const length = random.chance(0.0005) ? 60_000 : padding;
  return length === 0
    ? ''
    : random
        .hex(64)
        .repeat(Math.ceil(length / 64))
        .slice(0, length);
}

/** What the sender sends to try an address out. */
export const tested = (workspaceId: string) =>
  `{"workspace_id": "${workspaceId}", "customer_id": null, "event": "webhook_test", "state": null, "payload": {"test": true}}`;
