// Decimal numbers as text: of any length and precision, compared exactly, never as floats.

const DECIMAL = /^\d+(\.\d+)?$/;

/** Whether a value is a string of digits, with or without a fraction. */
export function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && DECIMAL.test(value);
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Below 0, 0 or above 0, as decimal `a` is lower than, equal to or higher than decimal `b`. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0;
  if (a.length === b.length && a.indexOf('.') === b.indexOf('.')) return a < b ? -1 : 1;
  const [wholeA, fractionA] = significant(a);
  const [wholeB, fractionB] = significant(b);
  return wholeA.length - wholeB.length || compareText(wholeA, wholeB) || compareText(fractionA, fractionB);
}

function significant(decimal: string): [string, string] {
  const dot = decimal.indexOf('.');
  const end = dot < 0 ? decimal.length : dot;
  let first = 0;
  while (first < end && decimal[first] === '0') first++;
  let last = decimal.length;
  while (last > end + 1 && decimal[last - 1] === '0') last--;
  return [decimal.slice(first, end), decimal.slice(end + 1, last)];
}
