// An event as the log keeps it: the columns that were read out of the webhook, and the webhook's own text.
import { type Static, Type } from '@sinclair/typebox';
import type { BodyScan } from './body-scan.js';

const Nullable = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description });

export const LoggedEvent = Type.Object({
  position: Type.Integer({ description: '1, 2, 3 … in commit order, without a gap' }),
  event_id: Type.String({ format: 'uuid', description: 'UUID v7, given on receipt' }),
  received_at: Type.String({ format: 'date-time', description: 'Time of receipt, UTC, milliseconds' }),
  source: Type.String({ description: 'Name of the source that sent it' }),
  workspace_id: Nullable('Workspace, UUIDs in lower case with dashes'),
  customer_id: Nullable('Customer'),
  event: Type.String({ description: 'Name of the event' }),
  integration_id: Nullable('`payload.id`, UUIDs in lower case with dashes'),
  resource_type: Nullable('`payload.type`'),
  resource_id: Nullable('`payload.resource_id`'),
  state: Nullable("The payload's state, else the envelope's"),
});

/** What describes an event without its body. Positions are safe integers. */
export type EventSummary = Static<typeof LoggedEvent>;

/** An event with the text of its body, exactly as received. */
export interface LoggedEvent extends EventSummary {
  body: string;
}

/** What a fold reads of an event: all that its body does not say, and the body. */
export interface FoldedEvent
  extends Pick<
    LoggedEvent,
    'position' | 'event_id' | 'received_at' | 'source' | 'workspace_id' | 'event' | 'integration_id' | 'body'
  > {
  /** The body's bytes, where it was read as bytes: whoever looks into them spares the text of all of it. */
  readonly raw?: ScannedBody;
}

/** What the stream's message says of an event, and its body as bytes. */
export interface MirroredEvent extends Omit<LoggedEvent, 'state'> {
  readonly raw: RawBody;
}

/** A body as bytes: UTF-8 from `start` to `end`, with four bytes at least behind it. */
export interface RawBody {
  readonly bytes: Buffer;
  /** Of the same bytes. */
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** A body of a run, and what was found in it. */
export interface ScannedBody extends RawBody {
  /** What `scanBodies` found in all bodies of the run, if it has looked. */
  readonly scan: BodyScan | undefined;
  /** This body's number in it. */
  readonly index: number;
}
