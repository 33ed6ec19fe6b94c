import { Problem } from '../http/problem.js';

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** An RFC 3339 time in UTC with milliseconds; undefined for any other text, and for a time that Postgres cannot tell. */
export function toInstant(text: string): string | undefined {
  const [, date] = RFC_3339.exec(text) ?? [];
  const time = Date.parse(text.replace(' ', 'T'));
  if (date === undefined || !isDate(date) || Number.isNaN(time)) return undefined;
  const instant = new Date(time).toISOString();
  // There is no year 0 in Postgres, and five digits are no RFC 3339: both can come of an offset.
  return /^\d{4}-/.test(instant) && !instant.startsWith('0000') ? instant : undefined;
}

// The parser takes 30 February for 2 March.
function isDate(date: string): boolean {
  const time = Date.parse(date);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

/** A parameter as an RFC 3339 time in UTC with milliseconds. Throws a problem (400) for any other text. */
export function readInstant(name: string, text: string): string {
  // In a query string a plus sign is a space.
  const instant = toInstant(text.replace(/ (\d\d:\d\d)$/, '+$1'));
  if (instant !== undefined) return instant;
  throw new Problem(
    400,
    'invalid-request',
    `${name}: expected an RFC 3339 time such as 2026-11-23T22:46:00Z, found ${JSON.stringify(text.slice(0, 100))}`,
  );
}
