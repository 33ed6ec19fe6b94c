// One value as one token of a subject, or as one part of a header: any text becomes printable ASCII without any
// character that NATS, a shell or a person trips on, and can be read back.
import { createHash } from 'node:crypto';

/** A value of which only the digest is on the bus; the whole value is in the event. */
export interface HashedText {
  /** SHA-256 of its UTF-8, 64 hex digits. */
  sha256: string;
}

/** Longest token in bytes. Five of them stay far below the 4096 bytes that the server allows a protocol line. */
export const LONGEST_TOKEN = 200;

const PLAIN = /^[A-Za-z0-9~-][A-Za-z0-9_~-]*$/;
const NONE = '_';
// None of these is a percent-escape, since none goes on with two hex digits: no text can be mistaken for them.
const EMPTY = '%empty';
const HASHED = '%sha256-';

const escapeByte = (character: string) =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * The token of a value: `_` for null, `%empty` for the empty text, letters, digits, `-`, `_` and `~` as they are, all
 * else as `%XX` of its UTF-8 (a lone `_` too). A token that would be longer than 200 bytes is `%sha256-` and the
 * digest of the text. Lone surrogates, which no event of the log has, become U+FFFD.
 */
export function toToken(text: string | null): string {
  if (text === null) return NONE;
  if (text.length <= LONGEST_TOKEN && PLAIN.test(text)) return text;
  if (text === '') return EMPTY;
  if (text === NONE) return '%5F';
  const wellFormed = text.toWellFormed();
  if (text.length <= LONGEST_TOKEN) {
    const token = encodeURIComponent(wellFormed).replace(/[.!*'()]/g, escapeByte);
    if (token.length <= LONGEST_TOKEN) return token;
  }
  return HASHED + createHash('sha256').update(wellFormed).digest('hex');
}

/**
 * The value of a token (for `parseSubject`): the inverse of `toToken`, but for a hashed value. Throws a URIError on what
 * is no token.
 */
export function fromToken(token: string): string | null | HashedText {
  if (token === NONE) return null;
  if (token === EMPTY) return '';
  if (token.startsWith(HASHED)) return { sha256: token.slice(HASHED.length) };
  return decodeURIComponent(token);
}
