// From an event of the log to what a projection reads: parsed once, checked against the schema of its name, ids in
// one spelling. What does not fit is answered as unreadable with its reason, never thrown.
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import type { JsonText } from '../schemas/columns.js';
import { webhookSchema } from '../schemas/envelope.js';
import {
  EVENT_NAMES,
  type EventName,
  type IntegrationEventName,
  type Payload,
  TEXT_MEMBERS,
} from '../schemas/events.js';
import type { FoldedEvent } from '../schemas/logged-event.js';
import { normaliseUuid, storableText } from '../schemas/text.js';
import { misfitOfIndex } from './indexable.js';
import { cutPayload, memberText } from './json-text.js';
import { type ResourceEventName, readScanned } from './read-scanned.js';

type TextMember<Name extends EventName> = Name extends keyof typeof TEXT_MEMBERS
  ? (typeof TEXT_MEMBERS)[Name][number]
  : never;

interface Read<Name extends EventName> {
  event: Name;
  position: number;
  event_id: string;
  /** RFC 3339, UTC, milliseconds. */
  received_at: string;
  workspace_id: string;
  customer_id: string | null;
  /** The payload's state, else the envelope's. */
  state: string | null;
  payload: Omit<Payload<Name>, TextMember<Name>>;
  /** The payload's members that are any JSON, exactly as received; null where absent or JSON's null. */
  texts: Record<TextMember<Name>, JsonText | null>;
}

/** What is read of members that are kept as text. */
type Told<Name> = Name extends 'integration_updated_data_model'
  ? {
      /** `data.sync_timestamp`, where it is a string. */
      sync_timestamp: string | null;
    }
  : unknown;

export type WebhookTest = Read<'webhook_test'>;
export type IntegrationEvent = {
  [Name in IntegrationEventName]: Read<Name> & { integration_id: string } & Told<Name>;
}[IntegrationEventName];
export type ResourceEvent = Extract<IntegrationEvent, { event: ResourceEventName }>;
export type KnownEvent = IntegrationEvent | WebhookTest;

export type Reading =
  | { kind: 'known'; event: KnownEvent }
  | { kind: 'unreadable'; reason: string }
  | { kind: 'unknown' };

interface Known {
  name: EventName;
  // biome-ignore lint/suspicious/noExplicitAny: compiled once for eight schemas of different shape
  check: TypeCheck<any>;
}

const knownEvents = new Map<string, Known>(
  EVENT_NAMES.map((name) => [name, { name, check: TypeCompiler.Compile(webhookSchema(name)) }]),
);

const UNKNOWN: Reading = { kind: 'unknown' };
const storableOrNull = (value: unknown) => (typeof value === 'string' ? storableText(value) : null);

/** Reads one event. Total and deterministic: a rebuild reads it the same way. */
export function readEvent(logged: FoldedEvent): Reading {
  const scanned = logged.raw && readScanned(logged, logged.raw);
  if (scanned !== undefined) return { kind: 'known', event: scanned as unknown as KnownEvent };
  const known = knownEvents.get(logged.event);
  if (known === undefined) return UNKNOWN;
  const { name, check } = known;
  const { webhook, texts } = parseBody(logged);
  if (!check.Check(webhook)) return { kind: 'unreadable', reason: firstMisfit(check, webhook) };
  const event = toKnownEvent(name, logged, webhook, texts);
  for (const text of idsOf(event)) {
    const reason = misfitOfIndex(text);
    if (reason !== undefined) return { kind: 'unreadable', reason };
  }
  return { kind: 'known', event };
}

type Texts = Record<string, JsonText | null>;
const textMembers: Partial<Record<string, readonly string[]>> = TEXT_MEMBERS;
const NO_TEXTS: Texts = {};

// Most of a body is `data`, which no projection looks into: it is cut out, and only the rest is parsed.
function parseBody({ event, body }: FoldedEvent): { webhook: unknown; texts: Texts } {
  const names = textMembers[event];
  if (names === undefined) return { webhook: JSON.parse(body), texts: NO_TEXTS };
  const { texts, rest } = cutPayload(body, names);
  const byName: Texts = {};
  for (let index = 0; index < names.length; index++) byName[names[index]!] = texts[index]!;
  return { webhook: JSON.parse(rest), texts: byName };
}

// The texts of an event that stand beside others in indexes. A customer or a state, of up to 255 characters, stands
// beside at most one of these and always fits.
function idsOf(event: KnownEvent): string[] {
  switch (event.event) {
    case 'webhook_test':
      return [];
    case 'integration_new_data_model':
    case 'integration_updated_data_model':
    case 'integration_deleted_data_model':
      return [event.workspace_id, event.integration_id, event.payload.type, event.payload.resource_id];
    case 'integration_installed':
    case 'integration_import_done':
      return [event.workspace_id, event.integration_id, event.payload.connector_type ?? ''];
    default:
      return [event.workspace_id, event.integration_id];
  }
}

// biome-ignore lint/suspicious/noExplicitAny: checked against the schema of its name just before
function toKnownEvent(event: EventName, logged: FoldedEvent, webhook: any, texts: Texts): KnownEvent {
  const payload = webhook.payload;
  for (const name of ['resource_id', 'type', 'connector_type'])
    if (typeof payload[name] === 'string') payload[name] = storableText(payload[name]);
  return {
    event,
    position: logged.position,
    event_id: logged.event_id,
    received_at: logged.received_at,
    workspace_id: storableText(normaliseUuid(webhook.workspace_id)),
    customer_id: storableOrNull(webhook.customer_id),
    integration_id: event === 'webhook_test' ? undefined : storableText(normaliseUuid(payload.id)),
    state: storableOrNull(payload.state) ?? storableOrNull(webhook.state),
    payload,
    texts,
    ...(event === 'integration_updated_data_model' && { sync_timestamp: syncTimestamp(texts.data) }),
  } as KnownEvent;
}

function syncTimestamp(data: JsonText | null | undefined): string | null {
  const text = data ? memberText(data, 'sync_timestamp') : undefined;
  const timestamp: unknown = text ? JSON.parse(text) : null;
  return typeof timestamp === 'string' ? timestamp : null;
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function firstMisfit(check: TypeCheck<any>, webhook: unknown): string {
  const misfit = check.Errors(webhook).First();
  return misfit ? `${misfit.path || '/'}: ${misfit.message.toLowerCase()}` : 'does not fit its schema';
}
