// The digest of an event and the chain of seals, as docs/seals.md specifies them and append_events computes them.
import { createHash } from 'node:crypto';

const EPOCH_2000_MS = 946_684_800_000;

/** What an event's digest covers. */
export interface Sealed {
  event_id: string;
  /** RFC 3339, milliseconds. */
  received_at: string;
  source: string;
  /** JSON text as kept. */
  headers: string;
  /** JSON text as received. */
  body: string;
}

/** sha256(event_id ‖ received_at ‖ length and text of source ‖ length and text of headers ‖ body). */
export function eventDigest({ event_id, received_at, source, headers, body }: Sealed): Buffer {
  const fixed = Buffer.alloc(24);
  fixed.write(event_id.replaceAll('-', ''), 0, 'hex');
  fixed.writeBigInt64BE(BigInt(Date.parse(received_at) - EPOCH_2000_MS) * 1000n, 16);
  const hash = createHash('sha256').update(fixed);
  for (const text of [source, headers]) hash.update(lengthOf(text)).update(text, 'utf8');
  return hash.update(body, 'utf8').digest();
}

function lengthOf(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(text));
  return length;
}

/** The hash before the first seal. */
export const GENESIS_SEAL = Buffer.alloc(32);

/** sha256(hash before ‖ digests in order). */
export function sealHash(before: Buffer, digests: readonly Buffer[]): Buffer {
  const hash = createHash('sha256').update(before);
  for (const digest of digests) hash.update(digest);
  return hash.digest();
}
