import { type Static, Type } from '@sinclair/typebox';
import { instant, integer, json, nullableInstant, nullableText, oneOf, text } from '../../schemas/columns.js';

/** A resource as the sender last told it. */
export const ResourceRow = Type.Object({
  integration_id: text(),
  type: text('Opaque kind of resource'),
  resource_id: text('Opaque'),
  workspace_id: text(),
  customer_id: nullableText(),
  status: oneOf('present', 'deleted'),
  data: json('The whole row as the sender last sent it; null until an update, and after a delete'),
  update_count: integer('Updates applied'),
  stale_count: integer('Updates that came after a newer one, and were only counted'),
  last_diff: json('The diff of the last applied update'),
  first_seen_at: instant(),
  updated_at: nullableInstant('Receipt of the last applied update'),
  deleted_at: nullableInstant('Receipt of the last delete, while deleted'),
  last_position: integer('Position of the last event of this resource'),
  applied_timestamp: nullableText('`data.sync_timestamp` of the last applied update, if a decimal'),
});
export type ResourceRow = Static<typeof ResourceRow>;
