// Events out of rows that COPY gave. What every reader needs is read at once, what few look at when it is asked for.

import type { BodyScan } from '../../schemas/body-scan.js';
import type { FoldedEvent, MirroredEvent, ScannedBody } from '../../schemas/logged-event.js';
import { createTextMemo } from '../../schemas/text-memo.js';
import type { CopiedRows } from '../postgres/copy-out.js';

/** The columns of a folded event, in the order in which they are read here. */
export const FOLDED_COLUMNS =
  'position, received_at, workspace_id, event, integration_id, event_id, source, body';

/** The columns of a mirrored event: those of a folded one, and three before the body. */
export const MIRRORED_COLUMNS =
  'position, received_at, workspace_id, event, integration_id, event_id, source, customer_id, resource_type, resource_id, body';

const EPOCH_2000_MS = 946_684_800_000;
const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const INT8_BYTES = LENGTH_BYTES + 8;
const UUID_BYTES = 16;

type Rows = Pick<CopiedRows, 'bytes' | 'starts'>;

const textOf = createTextMemo();

class CopiedEvent implements FoldedEvent, ScannedBody {
  scan: BodyScan | undefined = undefined;
  index = 0;

  constructor(
    readonly position: number,
    readonly received_at: string,
    readonly workspace_id: string | null,
    readonly event: string,
    readonly integration_id: string | null,
    readonly bytes: Buffer,
    readonly view: DataView,
    /** Where event_id begins, of which the length is known. */
    protected readonly idAt: number,
    readonly start: number,
    readonly end: number,
  ) {}

  get event_id(): string {
    const hex = this.bytes.toString('hex', this.idAt, this.idAt + UUID_BYTES);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  get source(): string {
    return textAt(this.bytes, this.idAt + UUID_BYTES)!;
  }

  get body(): string {
    return this.bytes.toString('utf8', this.start, this.end);
  }

  get raw(): ScannedBody {
    return this;
  }
}

class CopiedMirroredEvent extends CopiedEvent implements MirroredEvent {
  get customer_id(): string | null {
    return textAt(this.bytes, this.behindSource(0));
  }

  get resource_type(): string | null {
    return textAt(this.bytes, this.behindSource(1));
  }

  get resource_id(): string | null {
    return textAt(this.bytes, this.behindSource(2));
  }

  private behindSource(columns: number): number {
    return behindAll(this.bytes, this.idAt + UUID_BYTES, 1 + columns);
  }
}

/** Events of one run, to which what was found in their bodies can be added. */
export type CopiedEvents = readonly CopiedEvent[];

/** The events of rows of `FOLDED_COLUMNS`. They hold on to the bytes of all rows. */
export function toFoldedEvents(rows: Rows): CopiedEvents {
  return toEvents(rows, CopiedEvent, 0);
}

class BodyCursor implements ScannedBody {
  readonly scan = undefined;
  readonly index = 0;
  event = '';
  integration_id: string | null = null;
  start = 0;
  end = 0;

  constructor(
    readonly bytes: Buffer,
    readonly view: DataView,
  ) {}

  get raw(): ScannedBody {
    return this;
  }

  moveTo(start: number): this {
    const { bytes } = this;
    let at = behind(bytes, start + COUNT_BYTES + 2 * INT8_BYTES);
    this.event = textAt(bytes, at)!;
    at = behind(bytes, at);
    this.integration_id = textAt(bytes, at);
    at = behindAll(bytes, at, 3);
    this.start = at + LENGTH_BYTES;
    this.end = this.start + int4At(bytes, at);
    return this;
  }
}

/** The bodies of rows of `FOLDED_COLUMNS`, one after the other as the same object: to be looked at, not to be kept. */
export function* bodiesOf({
  bytes,
  starts,
}: Rows): Iterable<Pick<FoldedEvent, 'event' | 'integration_id' | 'raw'>> {
  const cursor = new BodyCursor(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  for (const start of starts) yield cursor.moveTo(start);
}

/** The position of the last of rows; undefined where there is none. */
export function lastPosition({ bytes, starts }: Rows): number | undefined {
  const start = starts.at(-1);
  return start === undefined ? undefined : int8At(bytes, start + COUNT_BYTES + LENGTH_BYTES);
}

/** Has events say what was found in their bodies, those of one run in one buffer. */
export function addScan(events: CopiedEvents, scan: BodyScan): FoldedEvent[] {
  for (let index = 0; index < events.length; index++) {
    const event = events[index]!;
    event.scan = scan;
    event.index = index;
  }
  return events as CopiedEvent[];
}

/** The events of rows of `MIRRORED_COLUMNS`. They hold on to the bytes of all rows. */
export function toMirroredEvents(rows: Rows): MirroredEvent[] {
  return toEvents(rows, CopiedMirroredEvent, 3);
}

// `between`: columns between the source and the body.
function toEvents<Event extends CopiedEvent>(
  { bytes, starts }: Rows,
  Row: new (...fields: ConstructorParameters<typeof CopiedEvent>) => Event,
  between: number,
): Event[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from(starts, (start) => toEvent(bytes, view, start, Row, between));
}

function toEvent<Event extends CopiedEvent>(
  bytes: Buffer,
  view: DataView,
  start: number,
  Row: new (...fields: ConstructorParameters<typeof CopiedEvent>) => Event,
  between: number,
): Event {
  let at = start + COUNT_BYTES;
  const position = int8At(bytes, at + LENGTH_BYTES);
  at += INT8_BYTES;
  const received_at = instantAt(bytes, at + LENGTH_BYTES);
  at += INT8_BYTES;
  const workspace_id = textAt(bytes, at);
  at = behind(bytes, at);
  const event = textAt(bytes, at)!;
  at = behind(bytes, at);
  const integration_id = textAt(bytes, at);
  at = behind(bytes, at) + LENGTH_BYTES;
  const idAt = at;
  at = behindAll(bytes, at + UUID_BYTES, 1 + between);
  const body = at + LENGTH_BYTES;
  const end = body + int4At(bytes, at);
  return new Row(position, received_at, workspace_id, event, integration_id, bytes, view, idAt, body, end);
}

function int4At(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

// All that the log has fits a safe integer.
function int8At(bytes: Buffer, at: number): number {
  return int4At(bytes, at) * 2 ** 32 + (int4At(bytes, at + 4) >>> 0);
}

const lengthAt = (bytes: Buffer, at: number) => Math.max(0, int4At(bytes, at));
const behind = (bytes: Buffer, at: number) => at + LENGTH_BYTES + lengthAt(bytes, at);

function behindAll(bytes: Buffer, at: number, columns: number): number {
  for (let left = columns; left > 0; left--) at = behind(bytes, at);
  return at;
}

function textAt(bytes: Buffer, at: number): string | null {
  const length = int4At(bytes, at);
  return length < 0 ? null : textOf(bytes, at + LENGTH_BYTES, at + LENGTH_BYTES + length);
}

let lastMicros = Number.NaN;
let lastInstant = '';

// The last answer is kept: a batch shares its time.
function instantAt(bytes: Buffer, at: number): string {
  const micros = int8At(bytes, at);
  if (micros === lastMicros) return lastInstant;
  lastInstant = new Date(EPOCH_2000_MS + micros / 1000).toISOString();
  lastMicros = micros;
  return lastInstant;
}
