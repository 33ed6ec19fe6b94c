// Finds where JSON values end in a text, without building them. All input must be valid JSON.

const QUOTE = 34;
const COMMA = 44;
const OPENING_BRACKET = 91;
const BACKSLASH = 92;
const CLOSING_BRACKET = 93;
const OPENING_BRACE = 123;
const CLOSING_BRACE = 125;

/** The first place from `at` on that is no white space. */
export function skipSpace(text: string, at: number): number {
  while (text.charCodeAt(at) <= 32) at++;
  return at;
}

/** The place after white space, one comma and white space again: where the next member or element begins. */
export function skipComma(text: string, at: number): number {
  const next = skipSpace(text, at);
  return text.charCodeAt(next) === COMMA ? skipSpace(text, next + 1) : next;
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote;
  while (text.charCodeAt(at - 1) === BACKSLASH) at--;
  return (quote - at) % 2 === 1;
}

function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (text.charCodeAt(at - 1) === BACKSLASH && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at + 1;
}

// Iterative: a text may be nested deeper than the stack is.
function endOfNested(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at) - 1;
        break;
      case OPENING_BRACKET:
      case OPENING_BRACE:
        depth++;
        break;
      case CLOSING_BRACKET:
      case CLOSING_BRACE:
        if (--depth === 0) return at + 1;
    }
  }
}

function endOfScalar(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === COMMA || unit === CLOSING_BRACE || unit === CLOSING_BRACKET || unit <= 32) return at;
  }
  return text.length;
}

/** The place after the value that begins at `start`. */
export function endOfValue(text: string, start: number): number {
  const unit = text.charCodeAt(start);
  if (unit === QUOTE) return endOfString(text, start);
  return unit === OPENING_BRACE || unit === OPENING_BRACKET
    ? endOfNested(text, start)
    : endOfScalar(text, start);
}

/** Whether an object begins at `at`. */
export function isObjectAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === OPENING_BRACE;
}

/** Whether an array ends at `at`. */
export function isArrayEndAt(text: string, at: number): boolean {
  return text.charCodeAt(at) === CLOSING_BRACKET;
}

function nameAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes('\\') ? JSON.parse(text.slice(start, end)) : raw;
}

/**
 * Calls `visit` with the name of each member of the object at `start`, in order, and the place where its value
 * begins; `visit` answers where the value ends. Answers the place after the object.
 */
export function walkObject(
  text: string,
  start: number,
  visit: (name: string, start: number) => number,
): number {
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const endOfName = endOfString(text, at);
    const value = skipSpace(text, skipSpace(text, endOfName) + 1);
    at = skipComma(text, visit(nameAt(text, at, endOfName), value));
  }
  return at + 1;
}
