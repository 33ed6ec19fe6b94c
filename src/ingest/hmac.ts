import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { HmacRule } from '../log/source.js';
import { type OnUsed, textOf } from './authenticate.js';
import type { KnownSource } from './source-book.js';

const SHA256_BYTES = 32;

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
const NONE = Buffer.alloc(SHA256_BYTES);

function signatureOf({ prefix, encoding }: HmacRule, header = ''): Buffer {
  if (!header.startsWith(prefix)) return NONE;
  const bytes = Buffer.from(header.slice(prefix.length).trim(), encoding);
  return bytes.length === SHA256_BYTES ? bytes : NONE;
}
