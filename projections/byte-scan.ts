// Finds where JSON values end in UTF-8 bytes. All input must be valid JSON; what ends too soon throws.

/** Bytes to look at one by one, and four at a time: behind the last value at least four more must follow. */
export interface Scanned {
  readonly bytes: Buffer;
  /** Of the same bytes. */
  readonly view: DataView;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPENING_BRACE = 123;
const NULL = 110;
const COMMA = 44;
const COLON = 58;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;
const CLOSING_BRACE = 125;
const SPACE = 32;

/** Whether a string begins at `at`. */
export const isStringAt = (bytes: Buffer, at: number) => bytes[at] === QUOTE;

/** Whether an object begins at `at`. */
export const isObjectAt = (bytes: Buffer, at: number) => bytes[at] === OPENING_BRACE;

/** Whether the value at `at` is null. */
export const isNullAt = (bytes: Buffer, at: number) => bytes[at] === NULL;

/** The first place from `at` on that is no white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  while (bytes[at]! <= SPACE) at++;
  return at;
}

/** The place of the value behind a member's name that ends at `at`. */
export function skipColon(bytes: Buffer, at: number): number {
  if (bytes[at] !== COLON) at = skipSpace(bytes, at);
  return skipSpace(bytes, at + 1);
}

/** The place after white space, one comma and white space again: where the next member begins. */
export function skipComma(bytes: Buffer, at: number): number {
  if (bytes[at] !== COMMA) at = skipSpace(bytes, at);
  return bytes[at] === COMMA ? skipSpace(bytes, at + 1) : at;
}

/** The place of the first quote or backslash from `at` on. */
export function nextMark({ bytes, view }: Scanned, at: number): number {
  while (!hasMark(view.getInt32(at, true))) at += 4;
  while (bytes[at] !== QUOTE && bytes[at] !== BACKSLASH) at++;
  return at;
}

// Four bytes at once: a byte is zero, after a quote or a backslash was taken from each by XOR, where subtracting one
// borrows from it. https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
function hasMark(word: number): boolean {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  return ((((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash)) & 0x80808080) !== 0;
}

/** The place after the string that begins with the quote at `start`. */
export function endOfString(scanned: Scanned, start: number): number {
  let at = nextMark(scanned, start + 1);
  while (scanned.bytes[at] === BACKSLASH) at = nextMark(scanned, at + 2);
  return at + 1;
}

/**
 * The place after a string without escapes that begins at `start`; -1 where one is met, or where no string begins: its
 * text is not what stands there.
 */
export function endOfPlainString(scanned: Scanned, start: number): number {
  if (!isStringAt(scanned.bytes, start)) return -1;
  const at = nextMark(scanned, start + 1);
  return scanned.bytes[at] === QUOTE ? at + 1 : -1;
}

/** How a byte changes the depth of nesting, outside of strings. */
export function depthOf(byte: number): number {
  if (byte === OPENING_BRACE || byte === OPENING_BRACKET) return 1;
  return byte === CLOSING_BRACE || byte === CLOSING_BRACKET ? -1 : 0;
}

/** Whether a member's name ends at `at`: a string that is followed by a colon. */
export const isNameBefore = (bytes: Buffer, at: number) => bytes[skipSpace(bytes, at)] === COLON;

// Iterative: a text may be nested deeper than the stack is.
function endOfNested(scanned: Scanned, start: number): number {
  const { bytes } = scanned;
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(scanned, at) - 1;
    else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth++;
    else if ((byte === CLOSING_BRACE || byte === CLOSING_BRACKET) && --depth === 0) return at + 1;
  }
  throw new RangeError('a JSON object or array has no end');
}

function endOfScalar(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === COMMA || byte === CLOSING_BRACE || byte === CLOSING_BRACKET || byte <= SPACE) return at;
  }
  return bytes.length;
}

/** The place after the value that begins at `start`. */
export function endOfValue(scanned: Scanned, start: number): number {
  const byte = scanned.bytes[start];
  if (byte === QUOTE) return endOfString(scanned, start);
  return byte === OPENING_BRACE || byte === OPENING_BRACKET
    ? endOfNested(scanned, start)
    : endOfScalar(scanned.bytes, start);
}
