// From bytes to a webhook. What is accepted here every later reader can bear: strict UTF-8, strict JSON (RFC 8259),
// bounded depth. Nothing is changed on the way; what the log keeps are the bytes.
import { isAscii, isUtf8 } from 'node:buffer';
import type { Envelope } from '../../schemas/envelope.js';
import type { RejectedReason } from '../../schemas/http-ingest.js';
import { isDeeperThan } from './json-depth.js';

/** Levels of nesting at the most, the body's own object being the first. */
export const MAX_DEPTH = 100;

/** What a request says of its body. */
export interface BodyHeaders {
  'content-type'?: string | undefined;
  'content-encoding'?: string | undefined;
}

/** The webhook that a body holds, or why it holds none. Nothing is decoded: what is compressed holds none. */
export function parseWebhook(
  body: Buffer,
  headers: BodyHeaders,
  maxDepth = MAX_DEPTH,
): Envelope | RejectedReason {
  const parsed = parse(body, maxDepth);
  if (typeof parsed !== 'string') return parsed;
  // Only now: many clients name a form by default and send JSON all the same (curl -d), or an encoding that it has not.
  // What is compressed is no UTF-8; of a text that is no JSON an encoding (`utf-8`, say) is not to blame.
  if (parsed === 'not_utf8' && isEncoded(headers['content-encoding'])) return 'encoded';
  return isForm(headers['content-type']) ? 'form_encoded' : parsed;
}

function parse(body: Buffer, maxDepth: number): Envelope | RejectedReason {
  if (body.length === 0) return 'empty';
  if (!isUtf8(body)) return 'not_utf8';
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'byte_order_mark';
  if (isDeeperThan(body, maxDepth)) return 'too_deep';
  let value: unknown;
  try {
    value = JSON.parse(body.toString(isAscii(body) ? 'latin1' : 'utf8'));
  } catch {
    return 'not_json';
  }
  return isEnvelope(value) ? value : 'no_envelope';
}

function isEnvelope(value: unknown): value is Envelope {
  if (!isObject(value)) return false;
  return typeof value.event === 'string' && isObject(value.payload);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEncoded(contentEncoding = ''): boolean {
  return !/^\s*(identity)?\s*$/i.test(contentEncoding);
}

function isForm(contentType: string | undefined): boolean {
  return /^\s*(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(contentType ?? '');
}
