import { type Static, Type } from '@sinclair/typebox';
import { bool, instant, integer, json, nullableInstant, nullableText, text } from '../../schemas/columns.js';

/** An integration that any event has named: one customer's connection to one connector. */
export const IntegrationRow = Type.Object({
  integration_id: text(),
  workspace_id: text('Workspace of the first event seen'),
  customer_id: nullableText('The last that was given'),
  connector_type: nullableText('The last that an install or import gave'),
  metadata: json("The last install's"),
  state: nullableText('The last that was given: the state of the connect() call'),
  installed: bool('Whether an install was seen'),
  install_count: integer(),
  first_seen_at: instant(),
  installed_at: nullableInstant('Receipt of the last install'),
  last_event_at: instant(),
  first_position: integer(),
  last_position: integer(),
});
export type IntegrationRow = Static<typeof IntegrationRow>;
