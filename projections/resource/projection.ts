// resource: what every resource is now. Neighbouring updates may be swapped on the way; `sync_timestamp` tells.
import { changeRow } from '../change-row.js';
import type { EventProjection } from '../contract.js';
import { compareDecimals, isDecimal } from '../decimal.js';
import { memberText } from '../json-text.js';
import type { KnownEvent } from '../read-event.js';
import { ResourceRow } from './rows.js';

type NameOf<Suffix extends string> = Extract<KnownEvent, { event: `integration_${Suffix}_data_model` }>;
type ResourceEvent = NameOf<'new' | 'updated' | 'deleted'>;
type Updated = NameOf<'updated'>;

function unseen(event: ResourceEvent): ResourceRow {
  return {
    integration_id: event.integration_id,
    type: event.payload.type,
    resource_id: event.payload.resource_id,
    workspace_id: event.workspace_id,
    customer_id: event.customer_id,
    status: 'present',
    data: null,
    update_count: 0,
    stale_count: 0,
    last_diff: null,
    first_seen_at: event.received_at,
    updated_at: null,
    deleted_at: null,
    last_position: event.position,
    applied_timestamp: null,
  };
}

function syncTimestamp(event: Updated): string | null {
  const text = event.texts.data && memberText(event.texts.data, 'sync_timestamp');
  const timestamp: unknown = text ? JSON.parse(text) : undefined;
  return isDecimal(timestamp) ? timestamp : null;
}

function isStale(row: ResourceRow, timestamp: string | null): boolean {
  if (timestamp === null || row.applied_timestamp === null) return false;
  const order = compareDecimals(timestamp, row.applied_timestamp);
  return order < 0 || (order === 0 && row.status === 'deleted');
}

function applyUpdate(row: ResourceRow, event: Updated): ResourceRow {
  const timestamp = syncTimestamp(event);
  if (isStale(row, timestamp))
    return changeRow(row, { stale_count: row.stale_count + 1, last_position: event.position });
  const { data, diff } = event.texts;
  return changeRow(row, {
    customer_id: event.customer_id ?? row.customer_id,
    status: 'present',
    data,
    update_count: row.update_count + 1,
    last_diff: diff,
    updated_at: event.received_at,
    deleted_at: null,
    last_position: event.position,
    applied_timestamp: timestamp,
  });
}

function applyNew(row: ResourceRow, event: ResourceEvent): ResourceRow {
  if (row.status === 'present') return changeRow(row, { last_position: event.position });
  const customer_id = event.customer_id ?? row.customer_id;
  return changeRow(row, {
    customer_id,
    status: 'present',
    data: null,
    deleted_at: null,
    last_position: event.position,
  });
}

function applyDelete(row: ResourceRow, event: ResourceEvent): ResourceRow {
  const customer_id = event.customer_id ?? row.customer_id;
  const deleted_at = event.received_at;
  return changeRow(row, {
    customer_id,
    status: 'deleted',
    data: null,
    deleted_at,
    last_position: event.position,
  });
}

export const resource: EventProjection<ResourceRow> = {
  name: 'resource',
  version: 1,
  row: ResourceRow,
  keyColumns: ['integration_id', 'type', 'resource_id'],
  internal: ['applied_timestamp'],
  within: 'integration',
  folder: new URL('.', import.meta.url),
  reads: ['integration_new_data_model', 'integration_updated_data_model', 'integration_deleted_data_model'],
  key(event) {
    const { integration_id, payload } = event as ResourceEvent;
    return [integration_id, payload.type, payload.resource_id];
  },
  evolve(row, event) {
    const before = row ?? unseen(event as ResourceEvent);
    switch (event.event) {
      case 'integration_new_data_model':
        return applyNew(before, event);
      case 'integration_updated_data_model':
        return applyUpdate(before, event);
      case 'integration_deleted_data_model':
        return applyDelete(before, event);
      default:
        return row;
    }
  },
};
