// Texts of the sender as key columns: an index entry has at most 2,704 bytes.
import { createHash } from 'node:crypto';

const LONGEST = 255;
const KEPT = 200;
const BYTES_OF_ONE = 640;

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

/** Why a text cannot be one of four in an index entry, whatever the others are; undefined where it can. */
export function misfitOfIndex(text: string): string | undefined {
  // No UTF-16 unit takes more than three bytes of UTF-8.
  if (text.length * 3 <= BYTES_OF_ONE) return undefined;
  const bytes = Buffer.byteLength(text);
  return bytes <= BYTES_OF_ONE
    ? undefined
    : `an id of ${bytes} bytes: expected at most ${BYTES_OF_ONE}, as an index entry holds no more`;
}
