import { type Static, Type } from '@sinclair/typebox';
import { instant, integer, json, jsonList, nullableInstant, oneOf, text } from '../../schemas/columns.js';

/** Whether an integration can still reach its connector, and its history of not doing so. */
export const IntegrationHealthRow = Type.Object({
  integration_id: text(),
  status: oneOf('unknown', 'healthy', 'broken'),
  status_since: instant('Receipt of the event that changed the status'),
  last_error: json('Error of the last failure, as received; kept after recovery'),
  failure_count: integer('Failures, all time'),
  incident_count: integer('Incidents, all time'),
  open_incident: json('{opened_at, opened_position, failures, first_error} while broken, else null'),
  open_incident_failures: integer('Failures of the open incident, else 0'),
  incidents: jsonList(
    'The last 50 closed: {opened_at, closed_at, failures, first_error, recovered_by}, oldest first',
  ),
  downtime_ms: integer('Of closed incidents, milliseconds'),
  last_data_at: nullableInstant('Receipt of the last event about a resource'),
  workspace_id: text('Workspace of the first event seen'),
});
export type IntegrationHealthRow = Static<typeof IntegrationHealthRow>;
