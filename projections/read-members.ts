// Walks the members of an object in bytes, reads those that are known and passes over the others.
import { endOfPlainString, endOfValue, isStringAt, type Scanned, skipColon, skipComma } from './byte-scan.js';

/** A body, or a value of it, is not read from its bytes. */
export const UNUSUAL = -1;

/** Where the value of a member ends that begins at `at`, after it was read; or `UNUSUAL`. */
export type ReadMember = (body: Scanned, at: number) => number;

export type Members = readonly { name: Buffer; read: ReadMember }[];

/** Known members, in the order in which they most likely come. */
export function members(readers: Record<string, ReadMember>): Members {
  return Object.entries(readers).map(([name, read]) => ({ name: Buffer.from(name), read }));
}

/**
 * Reads the members of an object from the one at `at` on; `seen` has a bit for each known one that was read before.
 * Answers the place after the object; `UNUSUAL` where a reader does, where a known member comes twice, and where a
 * name has an escape.
 */
export function readMembers(body: Scanned, at: number, known: Members, seen = 0): number {
  const { bytes } = body;
  // The sender writes its members in one order: the one behind the last is looked at first.
  let next = seen & 1;
  while (isStringAt(bytes, at)) {
    const endOfName = endOfPlainString(body, at);
    if (endOfName === UNUSUAL) return UNUSUAL;
    const index = indexOfName(bytes, at + 1, endOfName - 1, known, next);
    at = skipColon(bytes, endOfName);
    if (index < 0) at = endOfValue(body, at);
    else {
      if ((seen & (1 << index)) !== 0) return UNUSUAL;
      seen |= 1 << index;
      next = index + 1;
      at = known[index]!.read(body, at);
      if (at === UNUSUAL) return UNUSUAL;
    }
    at = skipComma(bytes, at);
  }
  return at + 1;
}

function indexOfName(bytes: Buffer, start: number, end: number, known: Members, next: number): number {
  if (next < known.length && isName(bytes, start, end, known[next]!.name)) return next;
  for (let index = 0; index < known.length; index++)
    if (isName(bytes, start, end, known[index]!.name)) return index;
  return -1;
}

/** Whether the bytes are those of a name. */
export function isName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name[at]) return false;
  return true;
}
