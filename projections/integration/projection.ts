// integration: what is connected. Any event that names an integration creates its row; installs tell the rest.
import { INTEGRATION_EVENTS } from '../../schemas/events.js';
import { changeRow } from '../change-row.js';
import type { EventProjection } from '../contract.js';
import type { IntegrationEvent } from '../read-event.js';
import { IntegrationRow } from './rows.js';

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

function applyAny(row: IntegrationRow, event: IntegrationEvent): IntegrationRow {
  return changeRow(row, {
    customer_id: event.customer_id ?? row.customer_id,
    connector_type: connectorOf(event) ?? row.connector_type,
    state: event.state ?? row.state,
    last_event_at: event.received_at,
    last_position: event.position,
  });
}

function applyInstall(row: IntegrationRow, event: Installed): IntegrationRow {
  return changeRow(row, {
    metadata: event.texts.metadata,
    installed: true,
    install_count: row.install_count + 1,
    installed_at: event.received_at,
  });
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
  evolve(row, event) {
    if (event.event === 'webhook_test') return row;
    const after = applyAny(row ?? unseen(event), event);
    return event.event === 'integration_installed' ? applyInstall(after, event) : after;
  },
};
