import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { HmacRule } from '../log/source.js';
import type { OnUsed } from './authenticate.js';
import { textOf } from './header-text.js';
import type { KnownSource } from './source-book.js';

/** How a SHA-256 is written: hex, or base64 with or without its padding. */
const WRITTEN = { hex: /^[0-9a-f]{64}$/i, base64: /^[A-Za-z0-9+/_-]{43}=?$/ };

/** Whether the header carries the HMAC-SHA256 of the bytes by one of the source's keys. */
export function isSignedByHmac(
  source: KnownSource,
  rule: HmacRule,
  headers: IncomingHttpHeaders,
  body: Buffer,
  onUsed: OnUsed,
): boolean {
  const signature = signatureOf(rule, textOf(headers[rule.header]));
  let match: string | undefined;
  for (const { id, kind, value } of source.secrets)
    if (kind === 'hmac' && timingSafeEqual(createHmac('sha256', value).update(body).digest(), signature))
      match = id;
  if (match === undefined) return false;
  onUsed(match);
  return true;
}

// What is no signature is taken for one that fits nothing, so that it costs the same.
const NONE = Buffer.alloc(32);

function signatureOf({ prefix, encoding }: HmacRule, header = ''): Buffer {
  const text = header.slice(prefix.length);
  return header.startsWith(prefix) && WRITTEN[encoding].test(text) ? Buffer.from(text, encoding) : NONE;
}
