// import_completion: whether an integration's import is done. An install and its import done may arrive swapped.
import { INTEGRATION_EVENTS } from '../../schemas/events.js';
import type { EventProjection } from '../contract.js';
import { createCopyRow } from '../copy-row.js';
import { elapsedMs } from '../duration.js';
import type { IntegrationEvent } from '../read-event.js';
import { ImportCompletionRow } from './rows.js';

type Row = ImportCompletionRow;

const copy = createCopyRow<Row>(ImportCompletionRow);

function unseen(event: IntegrationEvent): Row {
  return {
    integration_id: event.integration_id,
    status: 'pending',
    install_count: 0,
    completed_count: 0,
    first_completed_at: null,
    last_completed_at: null,
    last_duration_ms: null,
    resources_new: 0,
    resources_updated: 0,
    resources_deleted: 0,
    workspace_id: event.workspace_id,
    last_installed_at: null,
    awaits_import: false,
  };
}

function applyInstall(row: Row, event: IntegrationEvent): Row {
  const after = copy(row);
  const isSwapped = row.install_count === 0 && row.completed_count > 0;
  after.status = isSwapped ? 'complete' : 'pending';
  after.install_count += 1;
  after.last_duration_ms = null;
  after.last_installed_at = event.received_at;
  after.awaits_import = true;
  return after;
}

// A duration is of the first import done after the last install, by order of receipt: what came before a swapped
// install has none, and later ones of the same install change nothing.
function applyImportDone(row: Row, event: IntegrationEvent): Row {
  const after = copy(row);
  after.status = 'complete';
  after.completed_count += 1;
  after.first_completed_at ??= event.received_at;
  after.last_completed_at = event.received_at;
  if (row.awaits_import && row.last_installed_at !== null)
    after.last_duration_ms = elapsedMs(row.last_installed_at, event.received_at);
  after.awaits_import = false;
  return after;
}

function applyData(row: Row, counter: 'resources_new' | 'resources_updated' | 'resources_deleted'): Row {
  const after = copy(row);
  after[counter] += 1;
  return after;
}

function apply(row: Row, event: IntegrationEvent): Row {
  switch (event.event) {
    case 'integration_installed':
      return applyInstall(row, event);
    case 'integration_import_done':
      return applyImportDone(row, event);
    case 'integration_new_data_model':
      return applyData(row, 'resources_new');
    case 'integration_updated_data_model':
      return applyData(row, 'resources_updated');
    case 'integration_deleted_data_model':
      return applyData(row, 'resources_deleted');
    default:
      return row;
  }
}

export const importCompletion: EventProjection<Row> = {
  name: 'import_completion',
  version: 1,
  row: ImportCompletionRow,
  keyColumns: ['integration_id'],
  internal: ['workspace_id', 'last_installed_at', 'awaits_import'],
  within: 'integration',
  folder: new URL('.', import.meta.url),
  reads: INTEGRATION_EVENTS,
  key: (event) => (event.event === 'webhook_test' ? undefined : [event.integration_id]),
  evolve: (row, event) => (event.event === 'webhook_test' ? row : apply(row ?? unseen(event), event)),
};
