import { Problem } from '../http/problem.js';

const RFC_3339 = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** A parameter as an RFC 3339 time in UTC with milliseconds. Throws a problem (400) for any other text. */
export function readInstant(name: string, text: string): string {
  // In a query string a plus sign is a space.
  const spelled = text.replace(/ (\d\d:\d\d)$/, '+$1');
  const time = RFC_3339.test(spelled) ? Date.parse(spelled.replace(' ', 'T')) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new Problem(
    400,
    'invalid-request',
    `${name}: expected an RFC 3339 time such as 2026-11-23T22:46:00Z, found ${JSON.stringify(text.slice(0, 100))}`,
  );
}
