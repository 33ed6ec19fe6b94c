import { type Static, Type } from '@sinclair/typebox';
import { bool, instant, text, textList } from '../../schemas/columns.js';

/** Where a connect() call ended: the integrations that were installed with its state. */
export const ConnectionStateRow = Type.Object({
  workspace_id: text(),
  state: text('State given at connect()'),
  integration_ids: textList('In order of first install'),
  collision: bool('Whether one state ended in more than one integration'),
  first_installed_at: instant(),
});
export type ConnectionStateRow = Static<typeof ConnectionStateRow>;
