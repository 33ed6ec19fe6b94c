// JSON as text: finds members and elements, and builds values, without parsing what lies inside, so that numbers,
// key order and escapes stay as the sender wrote them. All input must be valid JSON.
import type { JsonText } from '../schemas/columns.js';

const QUOTE = 34;
const BACKSLASH = 92;
const OPENING = new Set([91, 123]);
const CLOSING = new Set([93, 125]);

function skipSpace(text: string, at: number): number {
  while (text.charCodeAt(at) <= 32) at++;
  return at;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit === BACKSLASH) at++;
  }
}

function endOfNested(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at) - 1;
    else if (OPENING.has(unit)) depth++;
    else if (CLOSING.has(unit) && --depth === 0) return at + 1;
  }
}

function endOfScalar(text: string, start: number): number {
  let at = start;
  while (at < text.length && !',]} \t\r\n'.includes(text[at]!)) at++;
  return at;
}

function endOfValue(text: string, start: number): number {
  const unit = text.charCodeAt(start);
  if (unit === QUOTE) return endOfString(text, start);
  return OPENING.has(unit) ? endOfNested(text, start) : endOfScalar(text, start);
}

function keyAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes('\\') ? JSON.parse(text.slice(start, end)) : raw;
}

/**
 * The text of an object's member; of several with one name the last, as JSON.parse takes it. Undefined where the
 * text is no object or has no such member.
 */
export function memberText(text: string, name: string): JsonText | undefined {
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return undefined;
  let found: [number, number] | undefined;
  at = skipSpace(text, at + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const endOfKey = endOfString(text, at);
    const key = keyAt(text, at, endOfKey);
    const start = skipSpace(text, skipSpace(text, endOfKey) + 1);
    const end = endOfValue(text, start);
    if (key === name) found = [start, end];
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return found && (text.slice(...found) as JsonText);
}

/** The texts of an array's elements. */
export function elementTexts(text: JsonText): JsonText[] {
  const elements: JsonText[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end) as JsonText);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return elements;
}

/** The text of a member of an event's payload as received; null where it is absent or JSON's null. */
export function payloadText(event: { body: string }, name: string): JsonText | null {
  const payload = memberText(event.body, 'payload');
  const text = payload === undefined ? undefined : memberText(payload, name);
  return text === undefined || text === 'null' ? null : text;
}

/** The text of a value without JSON text in it. */
export function textOf(value: string | number | boolean | null): JsonText {
  return JSON.stringify(value) as JsonText;
}

/** An object out of texts; null stands for JSON's null. */
export function objectText(members: Record<string, JsonText | null>): JsonText {
  const parts = Object.entries(members).map(([name, text]) => `${JSON.stringify(name)}:${text ?? 'null'}`);
  return `{${parts.join(',')}}` as JsonText;
}

/** An array out of texts. */
export function arrayText(elements: readonly JsonText[]): JsonText {
  return `[${elements.join(',')}]` as JsonText;
}
