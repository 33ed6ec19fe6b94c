// The envelope around every webhook. Two forms: what the door asks of a request so that it is an event at all,
// and what a projection asks of a known event before it reads it.
import { type Static, type TObject, Type } from '@sinclair/typebox';
import { type EventName, PAYLOADS } from './events.js';

/** What makes a request body an event: a string `event` and an object `payload`. All else is open. */
export const Envelope = Type.Object(
  {
    event: Type.String({ description: 'Name of the event' }),
    payload: Type.Object({}, { description: 'A payload dedicated to this event' }),
    workspace_id: Type.Optional(Type.Unknown({ description: 'UUID of the workspace' })),
    customer_id: Type.Optional(Type.Unknown({ description: 'Opaque id of the customer, or null' })),
    state: Type.Optional(Type.Unknown({ description: 'State given at connect(), or null' })),
  },
  { $id: 'Envelope', description: 'A webhook as munity sends it' },
);
export type Envelope = Static<typeof Envelope>;

const NullableText = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));

/** The whole webhook of a known event, as a projection reads it. */
export function webhookSchema(event: EventName): TObject {
  return Type.Object({
    workspace_id: Type.String({ maxLength: 255 }),
    customer_id: NullableText,
    event: Type.Literal(event),
    state: NullableText,
    payload: PAYLOADS[event],
  });
}
