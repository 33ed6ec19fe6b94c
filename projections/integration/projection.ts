// integration: what is connected. Any event that names an integration creates its row; installs tell the rest.
import { INTEGRATION_EVENTS } from '../../schemas/events.js';
import type { EventProjection } from '../contract.js';
import { createCopyRow } from '../copy-row.js';
import type { IntegrationEvent } from '../read-event.js';
import { IntegrationRow } from './rows.js';

const copy = createCopyRow<IntegrationRow>(IntegrationRow);

type Installed = Extract<IntegrationEvent, { event: 'integration_installed' }>;

function unseen(event: IntegrationEvent): IntegrationRow {
  return {
    integration_id: event.integration_id,
    workspace_id: event.workspace_id,
    customer_id: null,
    connector_type: null,
    metadata: null,
    state: null,
    installed: false,
    install_count: 0,
    first_seen_at: event.received_at,
    installed_at: null,
    last_event_at: event.received_at,
    first_position: event.position,
    last_position: event.position,
  };
}

function connectorOf(event: IntegrationEvent): string | null {
  if (event.event !== 'integration_installed' && event.event !== 'integration_import_done') return null;
  return event.payload.connector_type ?? null;
}

function applyInstall(after: IntegrationRow, event: Installed): void {
  after.metadata = event.texts.metadata;
  after.installed = true;
  after.install_count += 1;
  after.installed_at = event.received_at;
}

function apply(row: IntegrationRow, event: IntegrationEvent): IntegrationRow {
  const after = copy(row);
  after.customer_id = event.customer_id ?? row.customer_id;
  after.connector_type = connectorOf(event) ?? row.connector_type;
  after.state = event.state ?? row.state;
  after.last_event_at = event.received_at;
  after.last_position = event.position;
  if (event.event === 'integration_installed') applyInstall(after, event);
  return after;
}

export const integration: EventProjection<IntegrationRow> = {
  name: 'integration',
  version: 1,
  row: IntegrationRow,
  keyColumns: ['integration_id'],
  internal: [],
  within: 'integration',
  folder: new URL('.', import.meta.url),
  reads: INTEGRATION_EVENTS,
  key: (event) => (event.event === 'webhook_test' ? undefined : [event.integration_id]),
  evolve: (row, event) => (event.event === 'webhook_test' ? row : apply(row ?? unseen(event), event)),
};
