// A file as lines of bytes. Of a line no more is held than it may be long, however long it is.
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface Line {
  /** Without the line's end; where it was too long only its first bytes. */
  bytes: Buffer;
  /** Its length in the file, the line's end left out. */
  length: number;
  /** False of the last, where the file ends before it does. */
  isEnded: boolean;
  /** Where in the file it ends, the line's end included. */
  end: number;
  /** Of the file up to there, until the next line is asked for. */
  hash: Hash;
}

export interface LineLimits {
  /** Bytes of a line at the most. */
  lineBytes: number;
  /** Bytes given of one that is longer. */
  prefixBytes: number;
}

const NEWLINE = 10;
const RETURN = 13;

/** The lines from `start.bytes` on, `start.hash` being that of what lies before. The last needs no end. */
export async function* readLines(
  path: string,
  start: { bytes: number; hash: Hash },
  limits: LineLimits,
): AsyncGenerator<Line> {
  let reading = begin(start.bytes, start.hash.copy());
  for await (const chunk of createReadStream(path, {
    start: start.bytes,
    highWaterMark: 1024 * 1024,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      take(reading, chunk.subarray(from, end + 1), limits);
      yield toLine(reading, true, limits);
      reading = begin(reading.end, reading.hash);
      from = end + 1;
    }
    if (from === chunk.length) continue;
    // The line that is cut here may be left to another run: what its bytes go into is not the hash that was given.
    if (reading.size === 0) reading.hash = reading.hash.copy();
    take(reading, chunk.subarray(from), limits);
  }
  if (reading.size > 0) yield toLine(reading, false, limits);
}

/** A line that is being read. */
interface Reading {
  parts: Buffer[];
  /** Bytes read of it, its end included. */
  size: number;
  isCut: boolean;
  end: number;
  hash: Hash;
}

function begin(end: number, hash: Hash): Reading {
  return { parts: [], size: 0, isCut: false, end, hash };
}

function take(reading: Reading, part: Buffer, { lineBytes, prefixBytes }: LineLimits): void {
  reading.hash.update(part);
  reading.size += part.length;
  reading.end += part.length;
  if (reading.isCut) return;
  reading.parts.push(part);
  if (reading.size <= lineBytes + '\r\n'.length) return;
  // A copy, which keeps none of the rest.
  reading.parts = [Buffer.from(Buffer.concat(reading.parts).subarray(0, prefixBytes))];
  reading.isCut = true;
}

function toLine({ parts, size, isCut, end, hash }: Reading, isEnded: boolean, limits: LineLimits): Line {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  let length = isEnded ? size - 1 : size;
  if (isCut) return { bytes, length, isEnded, end, hash };
  if (isEnded && bytes[length - 1] === RETURN) length -= 1;
  const given = length > limits.lineBytes ? limits.prefixBytes : length;
  return { bytes: bytes.subarray(0, given), length, isEnded, end, hash };
}
