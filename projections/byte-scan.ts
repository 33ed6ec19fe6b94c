// Finds where JSON values end in UTF-8 bytes. All input must be valid JSON; what ends too soon throws.

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

/** The place after the string that begins with the quote at `start`. */
export function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  throw new RangeError('a JSON string has no end');
}

/**
 * The place after a string without escapes that begins at `start`; -1 where one is met, or where no string begins: its
 * text is not what stands there.
 */
export function endOfPlainString(bytes: Buffer, start: number): number {
  if (bytes[start] !== QUOTE) return -1;
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) return -1;
  }
  throw new RangeError('a JSON string has no end');
}

// Iterative: a text may be nested deeper than the stack is.
function endOfNested(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at) - 1;
    else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth++;
    else if ((byte === CLOSING_BRACE || byte === CLOSING_BRACKET) && --depth === 0) return at + 1;
  }
  throw new RangeError('a JSON object or array has no end');
}

function endOfScalar(bytes: Buffer, start: number): number {
  let at = start;
  for (; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === COMMA || byte === CLOSING_BRACE || byte === CLOSING_BRACKET || byte <= SPACE) return at;
  }
  return at;
}

/** The place after the value that begins at `start`. */
export function endOfValue(bytes: Buffer, start: number): number {
  const byte = bytes[start];
  if (byte === QUOTE) return endOfString(bytes, start);
  return byte === OPENING_BRACE || byte === OPENING_BRACKET
    ? endOfNested(bytes, start)
    : endOfScalar(bytes, start);
}

/** Whether a string begins at `at`. */
export const isStringAt = (bytes: Buffer, at: number) => bytes[at] === QUOTE;

/** Whether an object begins at `at`. */
export const isObjectAt = (bytes: Buffer, at: number) => bytes[at] === OPENING_BRACE;

/** Whether the value at `at` is null. */
export const isNullAt = (bytes: Buffer, at: number) => bytes[at] === NULL;
