// Reads an event about a resource from the bytes of its body, where `scanBodies` found all that it says: texts are made
// only of what is kept, ids and names once.
import {
  type BodyScan,
  MARK,
  MARKS,
  OPENING_MARK,
  OPENING_MARKS,
  type OpeningTexts,
} from '../schemas/body-scan.js';
import type { JsonText } from '../schemas/columns.js';
import type { FoldedEvent, ScannedBody } from '../schemas/logged-event.js';
import { normaliseUuid } from '../schemas/text.js';
import { createTextMemo } from '../schemas/text-memo.js';

export type ResourceEventName =
  | 'integration_new_data_model'
  | 'integration_updated_data_model'
  | 'integration_deleted_data_model';

type Texts = Record<string, JsonText | null>;

const NO_TEXTS: Texts = {};
const textOf = createTextMemo();

/** What `readEvent` answers of such an event. Its id is made out of its bytes when somebody asks for it. */
class ScannedEvent {
  readonly position: number;
  readonly received_at: string;
  readonly workspace_id: string;
  readonly integration_id: string;
  readonly customer_id: string | null;
  readonly state: string | null;
  readonly payload: { id: string; type: string; resource_id: string };
  readonly texts: Texts;
  readonly sync_timestamp: string | null;

  constructor(
    readonly event: ResourceEventName,
    private readonly logged: FoldedEvent,
    bytes: Buffer,
    marks: Int32Array,
    at: number,
    { workspace_id, integration_id, customer_id, state, id }: OpeningTexts,
  ) {
    this.position = logged.position;
    this.received_at = logged.received_at;
    this.workspace_id = workspace_id;
    this.integration_id = integration_id;
    this.customer_id = customer_id;
    this.state = textAt(bytes, marks, at + MARK.state) ?? state;
    // An id of a resource, and a time, are seldom the same as any of the last ones.
    const resource_id = newTextAt(bytes, marks, at + MARK.resourceId)!;
    this.payload = { id, type: textAt(bytes, marks, at + MARK.type)!, resource_id };
    if (event === 'integration_updated_data_model') {
      const data = newTextAt(bytes, marks, at + MARK.data) as JsonText | null;
      this.texts = { data, diff: newTextAt(bytes, marks, at + MARK.diff) as JsonText | null };
      this.sync_timestamp = newTextAt(bytes, marks, at + MARK.syncTimestamp);
    } else {
      this.texts = NO_TEXTS;
      this.sync_timestamp = null;
    }
  }

  get event_id(): string {
    return this.logged.event_id;
  }
}

/** The event, or undefined where its body is to be read from its text. */
export function readScanned(
  logged: FoldedEvent,
  { bytes, scan, index }: ScannedBody,
): ScannedEvent | undefined {
  if (scan === undefined) return undefined;
  const at = index * MARKS;
  const opening = scan.marks[at + MARK.opening]! - 1;
  if (opening < 0) return undefined;
  scan.texts[opening] ??= readOpening(bytes, scan, opening);
  const name = logged.event as ResourceEventName;
  return new ScannedEvent(name, logged, bytes, scan.marks, at, scan.texts[opening]);
}

function readOpening(bytes: Buffer, { openings }: BodyScan, number: number): OpeningTexts {
  const at = number * OPENING_MARKS;
  const id = textAt(bytes, openings, at + OPENING_MARK.id)!;
  return {
    workspace_id: normaliseUuid(textAt(bytes, openings, at + OPENING_MARK.workspaceId)!),
    integration_id: normaliseUuid(id),
    customer_id: textAt(bytes, openings, at + OPENING_MARK.customerId),
    state: textAt(bytes, openings, at + OPENING_MARK.state),
    id,
  };
}

function textAt(bytes: Buffer, marks: Int32Array, place: number): string | null {
  const start = marks[place]!;
  return start === 0 ? null : textOf(bytes, start, marks[place + 1]!);
}

function newTextAt(bytes: Buffer, marks: Int32Array, place: number): string | null {
  const start = marks[place]!;
  return start === 0 ? null : bytes.toString('utf8', start, marks[place + 1]!);
}
