import { randomFillSync } from 'node:crypto';
import { v7 as uuidV7 } from 'uuid';

const BYTES = 16;
const pool = Buffer.alloc(256 * BYTES);
let at = pool.length;

// The system is asked for randomness once in 256 ids: asked for each, it is a tenth of what a webhook costs.
function nextRandom(): Buffer {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  at += BYTES;
  return pool.subarray(at - BYTES, at);
}

const options = { rng: nextRandom };

/** A new event id: UUID v7, ordered by time to the millisecond. */
export function createEventId(): string {
  return uuidV7(options);
}
