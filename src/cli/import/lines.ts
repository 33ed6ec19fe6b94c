// A file as lines of bytes, in bounded memory.
import { createReadStream } from 'node:fs';

export interface Line {
  /** Without the line's end; where it was too long only its first bytes. */
  bytes: Buffer;
  /** Its length in the file, the line's end left out. */
  length: number;
  /** As it stands in the file, the line's end included: what a digest of the file is fed with. */
  raw: readonly Buffer[];
}

const NEWLINE = 10;
const RETURN = 13;

/** The lines from `start` on. Of one over `limit` bytes the first `prefix` are given. A last one needs no end. */
export async function* readLines(
  path: string,
  start: number,
  limit: number,
  prefix: number,
): AsyncGenerator<Line> {
  let raw: Buffer[] = [];
  for await (const chunk of createReadStream(path, {
    start,
    highWaterMark: 1024 * 1024,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      raw.push(chunk.subarray(from, end + 1));
      yield toLine(raw, 1, limit, prefix);
      raw = [];
      from = end + 1;
    }
    if (from < chunk.length) raw.push(chunk.subarray(from));
  }
  if (raw.length > 0) yield toLine(raw, 0, limit, prefix);
}

function toLine(raw: Buffer[], ending: number, limit: number, prefix: number): Line {
  const whole = raw.length === 1 ? raw[0]! : Buffer.concat(raw);
  let end = whole.length - ending;
  if (end > 0 && ending === 1 && whole[end - 1] === RETURN) end -= 1;
  return { bytes: whole.subarray(0, end > limit ? prefix : end), length: end, raw };
}
