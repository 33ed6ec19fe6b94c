import { type Static, Type } from '@sinclair/typebox';
import { bool, integer, nullableInstant, nullableInteger, oneOf, text } from '../../schemas/columns.js';

/** Whether the data of an integration have come in since its last install, and how many. */
export const ImportCompletionRow = Type.Object({
  integration_id: text(),
  status: oneOf('pending', 'complete'),
  install_count: integer(),
  completed_count: integer('Imports done, all time'),
  first_completed_at: nullableInstant(),
  last_completed_at: nullableInstant(),
  last_duration_ms: nullableInteger(
    'Milliseconds from the last install to the first import done after it; null until there is one',
  ),
  resources_new: integer('Events counted, all time'),
  resources_updated: integer('Events counted, all time'),
  resources_deleted: integer('Events counted, all time'),
  workspace_id: text('Workspace of the first event seen'),
  last_installed_at: nullableInstant('Receipt of the last install'),
  awaits_import: bool('Whether no import was done since the last install'),
});
export type ImportCompletionRow = Static<typeof ImportCompletionRow>;
