// integration_health: whether an integration's token works. Failures open an incident; a fixed token, or a new
// install, closes it.
import { INTEGRATION_EVENTS } from '../../schemas/events.js';
import { changeRow } from '../change-row.js';
import type { EventProjection } from '../contract.js';
import type { IntegrationEvent } from '../read-event.js';
import {
  appendIncident,
  closeIncident,
  incidentMs,
  NO_INCIDENTS,
  openIncident,
  type RecoveredBy,
  withFailures,
} from './incident.js';
import { IntegrationHealthRow } from './rows.js';

type Row = IntegrationHealthRow;

function unseen(event: IntegrationEvent): Row {
  return {
    integration_id: event.integration_id,
    status: 'unknown',
    status_since: event.received_at,
    last_error: null,
    failure_count: 0,
    incident_count: 0,
    open_incident: null,
    open_incident_failures: 0,
    incidents: NO_INCIDENTS,
    downtime_ms: 0,
    last_data_at: null,
    workspace_id: event.workspace_id,
  };
}

type Failure = Extract<IntegrationEvent, { event: 'integration_cannot_refresh_oauth_token' }>;

function withStatus(row: Row, status: Row['status'], event: IntegrationEvent): Row {
  return row.status === status ? row : changeRow(row, { status, status_since: event.received_at });
}

function applyFailure(row: Row, event: Failure): Row {
  const { error } = event.texts;
  const failures = row.open_incident_failures + 1;
  return changeRow(withStatus(row, 'broken', event), {
    last_error: error,
    failure_count: row.failure_count + 1,
    incident_count: row.incident_count + (row.open_incident === null ? 1 : 0),
    open_incident:
      row.open_incident === null ? openIncident(event, error) : withFailures(row.open_incident, failures),
    open_incident_failures: failures,
  });
}

function applyRecovery(row: Row, event: IntegrationEvent, recoveredBy: RecoveredBy): Row {
  const healthy = withStatus(row, 'healthy', event);
  if (row.open_incident === null) return healthy;
  const closed = closeIncident(row.open_incident, event.received_at, recoveredBy);
  return changeRow(healthy, {
    open_incident: null,
    open_incident_failures: 0,
    incidents: appendIncident(row.incidents, closed),
    downtime_ms: row.downtime_ms + incidentMs(row.open_incident, event.received_at),
  });
}

function apply(row: Row, event: IntegrationEvent): Row {
  switch (event.event) {
    case 'integration_cannot_refresh_oauth_token':
      return applyFailure(row, event);
    case 'integration_oauth_token_fixed':
      return applyRecovery(row, event, 'token_fixed');
    case 'integration_installed':
      return applyRecovery(row, event, 'reinstalled');
    case 'integration_import_done':
      return row;
    default:
      return changeRow(row, { last_data_at: event.received_at });
  }
}

export const integrationHealth: EventProjection<Row> = {
  name: 'integration_health',
  version: 1,
  row: IntegrationHealthRow,
  keyColumns: ['integration_id'],
  internal: ['workspace_id'],
  within: 'integration',
  folder: new URL('.', import.meta.url),
  reads: INTEGRATION_EVENTS,
  key: (event) => (event.event === 'webhook_test' ? undefined : [event.integration_id]),
  evolve: (row, event) => (event.event === 'webhook_test' ? row : apply(row ?? unseen(event), event)),
};
