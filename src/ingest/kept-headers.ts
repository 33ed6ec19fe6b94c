import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

// What helps to understand a webhook later. Never a credential, never an address.
const KEPT = [
  'content-type',
  'content-encoding',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
  'idempotency-key',
  'x-github-event',
  'x-github-delivery',
  'x-request-id',
  'traceparent',
];
const MAX_CHARACTERS = 1024;
const MAX_DELIVERY_ID = 255;

const lastValues: (string | string[] | undefined)[] = KEPT.map(() => undefined);
let lastBytes: Buffer = Buffer.from('{}');

/**
 * The headers that are kept, as JSON text, those over 1,024 characters cut. Most senders send the same each time:
 * the last answer is kept, and not to be written to.
 */
export function keptHeaders(headers: IncomingHttpHeaders): Buffer {
  let isLast = true;
  for (let index = 0; index < KEPT.length; index++) {
    const value = headers[KEPT[index]!];
    if (value === lastValues[index]) continue;
    lastValues[index] = value;
    isLast = false;
  }
  if (!isLast) lastBytes = Buffer.from(JSON.stringify(selectKept(headers)));
  return lastBytes;
}

function selectKept(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT) {
    const value = headers[name];
    if (typeof value === 'string')
      kept[name] = value.length > MAX_CHARACTERS ? value.slice(0, MAX_CHARACTERS) : value;
  }
  return kept;
}

/**
 * The delivery id: `webhook-id`, else `idempotency-key`, else null. One that is too long for an index is replaced by
 * its digest, so that it still tells a repeat.
 */
export function deliveryIdOf(headers: IncomingHttpHeaders): string | null {
  const id = headers['webhook-id'] || headers['idempotency-key'];
  if (typeof id !== 'string' || id === '') return null;
  return id.length > MAX_DELIVERY_ID ? `sha256:${createHash('sha256').update(id).digest('hex')}` : id;
}
