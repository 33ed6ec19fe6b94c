// Rows out of Postgres by COPY in its binary form: half of what a SELECT costs Postgres and Node, since no value
// becomes a text on the way. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
import pg from 'pg';

/** Rows in COPY's binary form, back to back: an int16 with the number of columns, then each as int32 length and bytes. */
export interface CopiedRows {
  /** With eight bytes at least behind the last row, so that a reader can look at several at once. */
  bytes: Buffer;
  /** Where each row begins in `bytes`. */
  starts: Int32Array<ArrayBuffer>;
}

/**
 * The rows of a query, in its order, on a connection of `pool` (not a pipelined one). COPY takes no parameters: the
 * caller writes values into `query`, and nothing but numbers. The rows are written into `room`, where they fit; else
 * into a larger buffer. Throws what Postgres says, and what node-pg does when the pool's `query_timeout` is over.
 */
export async function copyOut(pool: pg.Pool, query: string, room: Buffer): Promise<CopiedRows> {
  const client = await pool.connect();
  try {
    const rows = await runCopy(client, `COPY (${query}) TO STDOUT (FORMAT binary)`, room);
    client.release();
    return rows;
  } catch (error) {
    // Postgres has done with what it refused. What it may still answer would be taken for the next query's answer.
    const isRefused = error instanceof pg.DatabaseError && error.severity === 'ERROR';
    client.release(isRefused ? undefined : (error as Error));
    throw error;
  }
}

function runCopy(client: pg.ClientBase, text: string, room: Buffer): Promise<CopiedRows> {
  return new Promise((resolve, reject) => {
    client.query(createCopy(text, room, { resolve, reject }));
  });
}

interface Outcome {
  resolve(rows: CopiedRows): void;
  reject(error: Error): void;
}

interface Connection {
  query(text: string): void;
}

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = 19;
const TRAILER = -1;
const SPARE_BYTES = 8;

// What node-pg asks of a query of one's own, as pg-cursor and pg-query-stream are. Postgres sends a row a message;
// node-pg's parser writes over a message's bytes later on, so they are copied out.
function createCopy(text: string, room: Buffer, { resolve, reject }: Outcome): pg.Submittable {
  let bytes = room;
  let used = 0;
  const starts: number[] = [];

  function handleCopyData({ chunk }: { chunk: Buffer }): void {
    const first = starts.length === 0 && isHeader(chunk) ? HEADER_BYTES : 0;
    const length = chunk.length - first;
    if (length < 2 || chunk.readInt16BE(first) === TRAILER) return;
    const needed = used + length + SPARE_BYTES;
    if (needed > bytes.length) bytes = enlarged(bytes, used, needed);
    bytes.set(first === 0 ? chunk : chunk.subarray(first), used);
    starts.push(used);
    used += length;
  }
  const nothing = () => {};
  const copy = {
    // node-pg puts one here that ends the timer of `query_timeout`; until it is called, the timer holds on to the rows.
    callback: nothing,
    submit: (connection: Connection) => connection.query(text),
    handleCopyData,
    handleError: (error: Error) => {
      copy.callback();
      reject(error);
    },
    handleReadyForQuery: () => {
      copy.callback();
      resolve({ bytes, starts: Int32Array.from(starts) });
    },
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handlePortalSuspended: nothing,
    handleCommandComplete: nothing,
    handleEmptyQuery: nothing,
  };
  return copy as unknown as pg.Submittable;
}

const isHeader = (chunk: Buffer) =>
  chunk.length >= HEADER_BYTES && SIGNATURE.compare(chunk, 0, SIGNATURE.length) === 0;

function enlarged(buffer: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(needed + (needed >> 1));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
