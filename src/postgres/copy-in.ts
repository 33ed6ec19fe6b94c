// Rows into Postgres by COPY in its binary form: half of what INSERT costs Postgres, and no array of each column is made
// first. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { type Element, type ElementType, elementCodec } from './binary-array.js';
import { createCustomQuery } from './custom-query.js';

/** What a column takes, and how a row has it. */
export interface CopiedColumn<Row> {
  name: string;
  type: ElementType;
  read(row: Row): Element;
}

/**
 * Copies rows into a table on a connection that is not pipelined, while it encodes the next: all of them or, where it
 * throws what Postgres says (a key that is there already, among others), none. Names must be quoted.
 */
export function copyIn<Row>(
  client: pg.ClientBase,
  table: string,
  columns: readonly CopiedColumn<Row>[],
  rows: Iterable<Row>,
): Promise<void> {
  const names = columns.map(({ name }) => name).join(', ');
  const text = `COPY ${table} (${names}) FROM STDIN (FORMAT binary)`;
  return new Promise((resolve, reject) => {
    const sending = createSending(encoded(columns, rows));
    const copy = createCustomQuery({
      submit: (connection) => connection.query(text),
      handleCopyInResponse: ({ stream }) => void sending.start(stream),
      handleError: (error) => reject(sending.stop() ?? error),
      handleReadyForQuery: resolve,
    });
    client.query(copy);
  });
}

/** So much is given to the socket before it is waited for. */
const MOST_UNSENT = 4 * 1024 * 1024;
const COPY_DONE = Buffer.from('c\0\0\0\x04', 'latin1');
const COPY_FAIL = Buffer.from('f\0\0\0\x05\0', 'latin1');

interface Sending {
  /** Sends all messages, and that they are all; or that they cannot be made. Never rejects. */
  start(stream: Duplex): Promise<void>;
  /** Sends no more. Answers why the messages could not be made, if so. */
  stop(): unknown;
}

// Of what is sent after an error Postgres takes no notice.
function createSending(messages: Iterable<Buffer>): Sending {
  let isStopped = false;
  let cause: unknown;

  async function start(stream: Duplex): Promise<void> {
    try {
      for (const message of messages) {
        if (isStopped) return;
        stream.write(message);
        if (stream.writableLength > MOST_UNSENT) await once(stream, 'drain');
      }
      if (!isStopped) stream.write(COPY_DONE);
    } catch (error) {
      if (isStopped) return; // The connection is gone.
      cause = error;
      stream.write(COPY_FAIL);
    }
  }
  return {
    start,
    stop() {
      isStopped = true;
      return cause;
    },
  };
}

const COPY_DATA = 'd'.charCodeAt(0);
const HEAD_BYTES = 5;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = -1;
const MESSAGE_BYTES = 256 * 1024;

// A message has many rows; only all of them together must be in COPY's form.
function* encoded<Row>(columns: readonly CopiedColumn<Row>[], rows: Iterable<Row>): Generator<Buffer> {
  const codecs = columns.map(({ type }) => elementCodec(type));
  let buffer = Buffer.allocUnsafe(MESSAGE_BYTES + (MESSAGE_BYTES >> 2));
  let at = HEAD_BYTES + SIGNATURE.copy(buffer, HEAD_BYTES);

  function reserve(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(at + bytes + (buffer.length >> 1));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  }
  function finished(): Buffer {
    buffer[0] = COPY_DATA;
    buffer.writeInt32BE(at - 1, 1);
    const message = buffer.subarray(0, at);
    buffer = Buffer.allocUnsafe(MESSAGE_BYTES + (MESSAGE_BYTES >> 2));
    at = HEAD_BYTES;
    return message;
  }

  for (const row of rows) {
    reserve(2);
    at = buffer.writeInt16BE(columns.length, at);
    for (let index = 0; index < columns.length; index++) {
      const value = columns[index]!.read(row);
      const { most, write } = codecs[index]!;
      reserve(4 + (value === null ? 0 : most(value as never)));
      const length = value === null ? -1 : write(buffer, at + 4, value as never);
      at = buffer.writeInt32BE(length, at) + Math.max(0, length);
    }
    if (at >= MESSAGE_BYTES) yield finished();
  }
  reserve(2);
  at = buffer.writeInt16BE(TRAILER, at);
  yield finished();
}
