// The eight events of the sender, each with its payload. Every object is open to more fields: the sender's list
// of events and fields has grown before. What is required here is what a projection cannot do without.
import { type Static, type TSchema, Type } from '@sinclair/typebox';

const Id = Type.String({ maxLength: 255, description: 'Integration id; a UUID in any spelling' });
const ResourceId = Type.String({ maxLength: 255, description: 'Opaque (an md5 in practice)' });
const ResourceType = Type.String({ maxLength: 255, description: 'Opaque kind of resource' });
const NullableText = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));
const AnyJson = Type.Optional(Type.Unknown());

const resource = { id: Id, resource_id: ResourceId, type: ResourceType };

/** The payload of each known event, by the event's name. */
export const PAYLOADS = {
  integration_new_data_model: Type.Object(resource),
  integration_updated_data_model: Type.Object({ ...resource, diff: AnyJson, data: Type.Unknown() }),
  integration_deleted_data_model: Type.Object(resource),
  integration_installed: Type.Object({
    id: Id,
    connector_type: NullableText,
    metadata: AnyJson,
    state: NullableText,
  }),
  integration_import_done: Type.Object({ id: Id, connector_type: NullableText }),
  integration_cannot_refresh_oauth_token: Type.Object({ id: Id, error: AnyJson }),
  integration_oauth_token_fixed: Type.Object({ id: Id }),
  webhook_test: Type.Object({ test: Type.Optional(Type.Unknown()) }),
} as const satisfies Record<string, TSchema>;

/** The members of payloads that are any JSON, kept as text and not looked into. */
export const TEXT_MEMBERS = {
  integration_updated_data_model: ['data', 'diff'],
  integration_installed: ['metadata'],
  integration_cannot_refresh_oauth_token: ['error'],
} as const satisfies Partial<Record<keyof typeof PAYLOADS, readonly string[]>>;

export type EventName = keyof typeof PAYLOADS;
export type Payload<Name extends EventName> = Static<(typeof PAYLOADS)[Name]>;

/** The names of all known events. */
export const EVENT_NAMES = Object.keys(PAYLOADS) as EventName[];

/** The seven events that name an integration (all but `webhook_test`). */
export const INTEGRATION_EVENTS = EVENT_NAMES.filter((name) => name !== 'webhook_test');
export type IntegrationEventName = Exclude<EventName, 'webhook_test'>;
