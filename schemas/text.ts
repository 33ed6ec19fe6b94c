// What the sender writes as text, in the one spelling that hookfold stores.

const DASHLESS = /^[0-9a-f]{32}$/i;
const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LONE_OR_NUL = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A UUID in any spelling (32 hex digits, or dashed, either case) in lower case with dashes; else as it came. */
export function normaliseUuid(text: string): string {
  if (text.length === 36 && DASHED.test(text)) return text.toLowerCase();
  if (text.length !== 32 || !DASHLESS.test(text)) return text;
  const hex = text.toLowerCase();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The text as Postgres can keep it: NUL and lone surrogates, which no Postgres text can hold, are written as
 * their JSON escapes (`\u0000`, `\ud800`). All other text is returned as it is.
 */
export function storableText(text: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text;
  return text.replace(LONE_OR_NUL, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
