// resource: what every resource is now. Neighbouring updates may be swapped on the way; `sync_timestamp` tells.
import type { EventProjection } from '../contract.js';
import { createCopyRow } from '../copy-row.js';
import { compareDecimals, isDecimal } from '../decimal.js';
import type { ResourceEvent } from '../read-event.js';
import { ResourceRow } from './rows.js';

type Updated = Extract<ResourceEvent, { event: 'integration_updated_data_model' }>;

const copy = createCopyRow<ResourceRow>(ResourceRow);

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

function isStale(row: ResourceRow, timestamp: string | null): boolean {
  if (timestamp === null || row.applied_timestamp === null) return false;
  const order = compareDecimals(timestamp, row.applied_timestamp);
  return order < 0 || (order === 0 && row.status === 'deleted');
}

function applyUpdate(after: ResourceRow, event: Updated): void {
  const timestamp = isDecimal(event.sync_timestamp) ? event.sync_timestamp : null;
  if (isStale(after, timestamp)) {
    after.stale_count += 1;
    return;
  }
  after.customer_id = event.customer_id ?? after.customer_id;
  after.status = 'present';
  after.data = event.texts.data;
  after.update_count += 1;
  after.last_diff = event.texts.diff;
  after.updated_at = event.received_at;
  after.deleted_at = null;
  after.applied_timestamp = timestamp;
}

function applyNew(after: ResourceRow, event: ResourceEvent): void {
  if (after.status === 'present') return;
  after.customer_id = event.customer_id ?? after.customer_id;
  after.status = 'present';
  after.data = null;
  after.deleted_at = null;
}

function applyDelete(after: ResourceRow, event: ResourceEvent): void {
  after.customer_id = event.customer_id ?? after.customer_id;
  after.status = 'deleted';
  after.data = null;
  after.deleted_at = event.received_at;
}

function apply(row: ResourceRow, event: ResourceEvent): ResourceRow {
  const after = copy(row);
  after.last_position = event.position;
  switch (event.event) {
    case 'integration_new_data_model':
      applyNew(after, event);
      break;
    case 'integration_updated_data_model':
      applyUpdate(after, event);
      break;
    case 'integration_deleted_data_model':
      applyDelete(after, event);
  }
  return after;
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
  evolve: (row, event) => apply(row ?? unseen(event as ResourceEvent), event as ResourceEvent),
};
