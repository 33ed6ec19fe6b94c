// The rows of a COPY as its connection's socket gives them: each chunk is copied once, as a whole, and the rows are found
// in it. node-pg would make a view, an object and an event of each row. pg-copy-streams reads the socket beside it, too:
// https://github.com/brianc/node-pg-copy-streams/blob/master/copy-to.js
import type { Duplex } from 'node:stream';

/** Rows in COPY's binary form: an int16 with the number of columns, then each as int32 length and bytes. */
export interface CopiedRows {
  /** With eight bytes at least behind the last row, so that a reader can look at several at once. */
  bytes: Buffer;
  /** Where each row begins in `bytes`. */
  starts: Int32Array<ArrayBuffer>;
  /** Where the last row ends; 0 where there is none. */
  end: number;
  /** Rows that would have gone beyond the bound are left out. */
  isCut: boolean;
}

/** A socket whose rows are taken. */
export interface TakenRows {
  /** Leaves the socket to node-pg again. Answers the rows that came. */
  giveBack(): CopiedRows;
}

type Listener = (chunk: Buffer) => void;

const COPY_DATA = 'd'.charCodeAt(0);
const HEAD_BYTES = 5;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = 19;
const TRAILER = -1;
const SPARE_BYTES = 8;

/**
 * Takes the rows of a COPY in binary form out of what comes from a connection's socket, which nothing else is under way
 * on, and leaves all other messages to node-pg. What comes is written into `room`, where it fits; else into a larger
 * buffer. Of rows of more than `mostBytes` those are kept that fit, the first in any case; where as much again has come
 * behind them, the connection is given up. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export function takeRows(stream: Duplex, room: Buffer, mostBytes = Number.POSITIVE_INFINITY): TakenRows {
  const listeners = stream.listeners('data') as Listener[];
  const starts: number[] = [];
  let bytes = room;
  let used = 0;
  /** Where the next message begins. */
  let at = 0;
  let end = 0;
  let isCut = false;
  let leftOutBytes = 0;
  let isTaking = true;
  let isInside = false;

  function take(chunk: Buffer): void {
    const needed = used + chunk.length + SPARE_BYTES;
    if (needed > bytes.length) bytes = enlarged(bytes, used, needed);
    bytes.set(chunk, used);
    used += chunk.length;
    isInside = true;
    while (isTaking && used - at >= HEAD_BYTES) {
      const behind = at + 1 + bytes.readInt32BE(at + 1);
      if (behind < at + HEAD_BYTES) {
        stream.destroy(
          new Error('expected a message of Postgres, found a negative length: the connection is given up'),
        );
        break;
      }
      if (behind > used) break;
      if (bytes[at] !== COPY_DATA) handOver(at, behind);
      else takeRow(at + HEAD_BYTES, behind);
      at = behind;
    }
    isInside = false;
    if (isCut) leaveOut();
    if (!isTaking) handOverRest();
  }

  // Postgres sends a row a message; before the first, and behind the last, the frame of a file.
  function takeRow(start: number, behind: number): void {
    const first = starts.length === 0 && isHeader(bytes, start, behind) ? start + HEADER_BYTES : start;
    if (behind - first < 2 || bytes.readInt16BE(first) === TRAILER) return;
    if (behind > mostBytes && starts.length > 0) isCut = true;
    if (isCut) return;
    starts.push(first);
    end = behind;
  }

  // What came behind the rows that are kept makes room for what comes next.
  function leaveOut(): void {
    bytes.copyWithin(end, at, used);
    leftOutBytes += at - end;
    used -= at - end;
    at = end;
    if (isTaking && leftOutBytes > mostBytes)
      stream.destroy(new Error(`what is beyond ${mostBytes} bytes is not waited for`));
  }

  // A copy: node-pg may look at it later.
  function handOver(start: number, end: number): void {
    const message = Buffer.from(bytes.subarray(start, end));
    for (const listener of listeners) listener.call(stream, message);
  }

  // A message of which a part came must not be missing its beginning; node-pg's parser is not to be called from itself.
  function handOverRest(): void {
    if (at < used) handOver(at, used);
    at = used;
  }

  stream.on('data', take);
  for (const listener of listeners) stream.off('data', listener);
  return {
    giveBack() {
      if (isTaking) {
        isTaking = false;
        for (const listener of listeners) stream.on('data', listener);
        stream.off('data', take);
        if (!isInside) handOverRest();
      }
      return { bytes, starts: Int32Array.from(starts), end, isCut };
    },
  };
}

const isHeader = (bytes: Buffer, start: number, end: number) =>
  end - start >= HEADER_BYTES && SIGNATURE.compare(bytes, start, start + SIGNATURE.length) === 0;

function enlarged(buffer: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(needed + (needed >> 1));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
