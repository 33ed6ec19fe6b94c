// Reads a request's body as bytes, counted as they come; nothing is trusted that the sender says of its length.
import type { IncomingMessage } from 'node:http';
import { type ByteBudget, REQUEST_OVERHEAD } from './load.js';

export interface BodyLimits {
  /** Bytes of a body at the most. */
  bodyBytes: number;
  /** Bytes kept of a body that is larger. */
  prefixBytes: number;
  /** Bytes of a larger body that are read and counted before its sender is answered unheard. */
  drainBytes: number;
}

/** 5 MiB a body; of a larger one 64 KiB are kept, and 64 MiB read at the most. */
export const BODY_LIMITS: BodyLimits = {
  bodyBytes: 5 * 1024 * 1024,
  prefixBytes: 64 * 1024,
  drainBytes: 64 * 1024 * 1024,
};

export type ReadBody =
  | { kind: 'whole'; bytes: Buffer; held: number }
  /** `ended` is false where the sender goes on; `length` is then what it announced, or came so far. */
  | { kind: 'too_large'; bytes: Buffer; length: number; ended: boolean; held: number }
  | { kind: 'no_room' }
  /** The sender went away or was cut off: nobody is there to be answered. */
  | { kind: 'gone' };

/**
 * Reads the body to its end. Bytes are taken from `budget` as they come; the caller gives `held` back once the
 * request is answered.
 */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  budget: ByteBudget,
): Promise<ReadBody> {
  return new Promise((resolve) => {
    let held = 0;
    let length = 0;
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let settled = false;

    const settle = (outcome: ReadBody) => {
      if (settled) return;
      settled = true;
      if (outcome.kind === 'no_room' || outcome.kind === 'gone') budget.give(held);
      // What still comes is read and let go by node, so that the sender gets to read its answer.
      if (!request.complete) request.removeListener('data', onData).resume();
      resolve(outcome);
    };
    const tooLarge = (ended: boolean) => {
      const announced = Number(request.headers['content-length'] ?? 0);
      const prefix = Buffer.from(whole().subarray(0, limits.prefixBytes));
      settle({
        kind: 'too_large',
        bytes: prefix,
        length: ended ? length : Math.max(announced, length),
        ended,
        held,
      });
    };
    const whole = () => (chunks ? Buffer.concat(chunks) : (first ?? Buffer.alloc(0)));

    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limits.bodyBytes) {
        cutToPrefix();
        if (length > limits.drainBytes) tooLarge(false);
        return;
      }
      const bytes = first === undefined ? chunk.length + REQUEST_OVERHEAD : chunk.length;
      if (!budget.take(bytes)) return settle({ kind: 'no_room' });
      held += bytes;
      if (first === undefined) first = chunk;
      else if (chunks) chunks.push(chunk);
      else chunks = [first, chunk];
    };
    const cutToPrefix = () => {
      if (!chunks || held <= limits.prefixBytes + REQUEST_OVERHEAD) return;
      first = Buffer.from(Buffer.concat(chunks).subarray(0, limits.prefixBytes));
      chunks = undefined;
      budget.give(held - first.length);
      held = first.length;
    };
    const onEnd = () => {
      if (length > limits.bodyBytes) tooLarge(true);
      else settle({ kind: 'whole', bytes: whole(), held });
    };
    request.on('data', onData);
    request.on('end', onEnd);
    // Without a listener for errors node makes none of a sender that goes away; it closes.
    request.on('close', () => settle({ kind: 'gone' }));
  });
}
