// integration_health: whether an integration's token works. Failures open an incident; a fixed token, or a new
// install, closes it.
import { INTEGRATION_EVENTS } from '../../schemas/events.js';
import type { EventProjection } from '../contract.js';
import { createCopyRow } from '../copy-row.js';
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

const copy = createCopyRow<Row>(IntegrationHealthRow);

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

function setStatus(after: Row, status: Row['status'], event: IntegrationEvent): void {
  if (after.status === status) return;
  after.status = status;
  after.status_since = event.received_at;
}

function applyFailure(row: Row, event: Failure): Row {
  const after = copy(row);
  const { error } = event.texts;
  const failures = row.open_incident_failures + 1;
  setStatus(after, 'broken', event);
  after.last_error = error;
  after.failure_count += 1;
  if (row.open_incident === null) after.incident_count += 1;
  after.open_incident =
    row.open_incident === null ? openIncident(event, error) : withFailures(row.open_incident, failures);
  after.open_incident_failures = failures;
  return after;
}

function applyRecovery(row: Row, event: IntegrationEvent, recoveredBy: RecoveredBy): Row {
  if (row.status === 'healthy') return row; // No incident is open then.
  const after = copy(row);
  setStatus(after, 'healthy', event);
  if (row.open_incident === null) return after;
  after.open_incident = null;
  after.open_incident_failures = 0;
  after.incidents = appendIncident(
    row.incidents,
    closeIncident(row.open_incident, event.received_at, recoveredBy),
  );
  after.downtime_ms += incidentMs(row.open_incident, event.received_at);
  return after;
}

function applyData(row: Row, event: IntegrationEvent): Row {
  if (row.last_data_at === event.received_at) return row;
  const after = copy(row);
  after.last_data_at = event.received_at;
  return after;
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
      return applyData(row, event);
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
