// Standard Webhooks: `webhook-signature` holds signatures of `id.timestamp.body`, v1 by HMAC-SHA256, v1a by ed25519.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//
// Not by the package `standardwebhooks`: it knows no v1a, takes the body for text (which it changes where it is not
// UTF-8, so that it checks other bytes than were signed), and hashes in JavaScript. Its signatures are the tests'.
import { createHmac, timingSafeEqual, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { OnUsed } from './authenticate.js';
import { textOf } from './header-text.js';
import type { KnownSource } from './source-book.js';

/** Seconds that a sender's clock may be off, either way; a signature holds no longer. */
const TOLERANCE_SECONDS = 300;

const MAX_SIGNATURES = 16;

/** Whether one of the signatures is by one of the source's keys, for these bytes and this time. */
export function isSignedByStandardWebhooks(
  source: KnownSource,
  headers: IncomingHttpHeaders,
  body: Buffer,
  onUsed: OnUsed,
): boolean {
  const id = textOf(headers['webhook-id']);
  const timestamp = textOf(headers['webhook-timestamp']);
  const signatures = textOf(headers['webhook-signature']);
  if (!id || !timestamp || !signatures || !isRecent(timestamp)) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`, 'latin1'), body]);
  for (const signature of signatures.split(' ').slice(0, MAX_SIGNATURES)) {
    const used = keyOf(source, signature, signed);
    if (used === undefined) continue;
    onUsed(used);
    return true;
  }
  return false;
}

function isRecent(timestamp: string): boolean {
  return /^\d{1,12}$/.test(timestamp) && Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS;
}

function keyOf(source: KnownSource, signature: string, signed: Buffer): string | undefined {
  const [version, encoded = ''] = signature.split(',');
  const bytes = Buffer.from(encoded, 'base64');
  if (version === 'v1' && bytes.length === 32)
    return source.secrets.find(
      ({ kind, value }) =>
        kind === 'v1' && timingSafeEqual(createHmac('sha256', value).update(signed).digest(), bytes),
    )?.id;
  if (version === 'v1a' && bytes.length === 64)
    return source.publicKeys.find(({ key }) => verify(null, signed, key, bytes))?.id;
  return undefined;
}
