// JSON as text: takes out members and elements, and builds values, without parsing what lies inside, so that
// numbers, key order and escapes stay as the sender wrote them. All input must be valid JSON.
import type { JsonText } from '../schemas/columns.js';
import { endOfValue, isArrayEndAt, isObjectAt, skipComma, skipSpace, walkObject } from './json-scan.js';

/**
 * The text of an object's member; of several with one name the last, as JSON.parse takes it. Undefined where the
 * text is no object or has no such member.
 */
export function memberText(text: string, name: string): JsonText | undefined {
  const start = skipSpace(text, 0);
  if (!isObjectAt(text, start)) return undefined;
  let found: JsonText | undefined;
  walkObject(text, start, (member, at) => {
    const end = endOfValue(text, at);
    if (member === name) found = text.slice(at, end) as JsonText;
    return end;
  });
  return found;
}

/** The texts of an array's elements. */
export function elementTexts(text: JsonText): JsonText[] {
  const elements: JsonText[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && !isArrayEndAt(text, at)) {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end) as JsonText);
    at = skipComma(text, end);
  }
  return elements;
}

/**
 * The texts of members of an event's payload as received, in the order of `names`, in one pass over the body; null
 * where one is absent or JSON's null.
 */
export function payloadTexts(event: { body: string }, names: readonly string[]): (JsonText | null)[] {
  const { body } = event;
  let found = names.map((): JsonText | null => null);
  const takeMember = (name: string, at: number) => {
    const end = endOfValue(body, at);
    const index = names.indexOf(name);
    if (index >= 0) found[index] = textOrNull(body.slice(at, end));
    return end;
  };
  walkObject(body, skipSpace(body, 0), (name, at) => {
    if (name !== 'payload') return endOfValue(body, at);
    // A second payload replaces the first as a whole, as it does for JSON.parse.
    found = names.map(() => null);
    return isObjectAt(body, at) ? walkObject(body, at, takeMember) : endOfValue(body, at);
  });
  return found;
}

const textOrNull = (text: string) => (text === 'null' ? null : (text as JsonText));

/** The text of a member of an event's payload as received; null where it is absent or JSON's null. */
export function payloadText(event: { body: string }, name: string): JsonText | null {
  return payloadTexts(event, [name])[0]!;
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
