// Texts of the sender as key columns: an index entry has at most 2,704 bytes.
import { createHash } from 'node:crypto';

const LONGEST = 255;
const KEPT = 200;

/**
 * A text that fits an index beside others: one of more than 255 characters becomes its first 200, `…` and 16 hex
 * digits of its SHA-256, so that different texts stay apart.
 */
export function shortenText(text: string): string {
  if (text.length <= LONGEST) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // Cutting a surrogate pair in two would leave a text that Postgres cannot hold.
  const end = text.codePointAt(KEPT - 1)! > 0xffff ? KEPT - 1 : KEPT;
  return `${text.slice(0, end)}…${digest}`;
}
