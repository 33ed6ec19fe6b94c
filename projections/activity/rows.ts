import { type Static, Type } from '@sinclair/typebox';
import { instant, integer, nullableText, text } from '../../schemas/columns.js';

/** How many events of a name a workspace had in an hour. */
export const ActivityRow = Type.Object({
  workspace_id: nullableText(),
  event: text('Name of the event; unknown ones too'),
  hour: instant('Begin of the hour of receipt, UTC'),
  count: integer(),
});
export type ActivityRow = Static<typeof ActivityRow>;
