// COPY in its binary form: the fastest way that Postgres offers to bring rows in.
// https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { NewEvent } from '../src/log/new-event.js';

const COLUMNS = `position, event_id, received_at, source, workspace_id, customer_id, event, integration_id,
  resource_type, resource_id, state, headers, body, digest`;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const END = Buffer.from([0xff, 0xff]);
const EPOCH_2000_MS = 946_684_800_000;

/** An event with what `append_events` would make of it. */
export interface LogRow {
  event: NewEvent;
  digest: Buffer;
}

/** Rows for `event_log` from `position` on, as COPY takes them. */
export function encodeRows(rows: readonly LogRow[], position: number): Buffer {
  const sizes = rows.map(({ event }) => 600 + event.headers.length + event.body.length + textBytes(event));
  const buffer = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size, SIGNATURE.length + END.length));
  let at = SIGNATURE.copy(buffer, 0);

  const bytes = (value: Buffer) => {
    at = buffer.writeInt32BE(value.length, at);
    at += value.copy(buffer, at);
  };
  const text = (value: string | null) => {
    if (value === null) at = buffer.writeInt32BE(-1, at);
    else {
      const length = buffer.write(value, at + 4);
      at = buffer.writeInt32BE(length, at) + length;
    }
  };
  const int8 = (value: bigint) => {
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeBigInt64BE(value, at);
  };
  for (const [index, { event, digest }] of rows.entries()) {
    at = buffer.writeInt16BE(14, at);
    int8(BigInt(position + index));
    at = buffer.writeInt32BE(16, at);
    at += buffer.write(event.event_id.replaceAll('-', ''), at, 'hex');
    int8(BigInt(Date.parse(event.received_at) - EPOCH_2000_MS) * 1000n);
    const { source, workspace_id, customer_id, integration_id, resource_type, resource_id, state } = event;
    for (const value of [source, workspace_id, customer_id, event.event, integration_id]) text(value);
    for (const value of [resource_type, resource_id, state]) text(value);
    for (const value of [event.headers, event.body, digest]) bytes(value);
  }
  at += END.copy(buffer, at);
  return buffer.subarray(0, at);
}

function textBytes(event: NewEvent): number {
  const { source, workspace_id, customer_id, integration_id, resource_type, resource_id, state } = event;
  const texts = [
    source,
    workspace_id,
    customer_id,
    event.event,
    integration_id,
    resource_type,
    resource_id,
    state,
  ];
  return texts.reduce((sum, value) => sum + (value?.length ?? 0) * 3, 0);
}

/** One COPY, which is one commit. */
export async function copyRows(client: pg.ClientBase, encoded: Buffer): Promise<void> {
  const stream = client.query(copyFrom(`COPY event_log (${COLUMNS}) FROM STDIN (FORMAT binary)`));
  await pipeline(Readable.from([encoded]), stream);
}
