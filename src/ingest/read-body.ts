// Reads a request's body as bytes, counted as they come; nothing is trusted that the sender says of its length.
import type { IncomingMessage } from 'node:http';
import { type ByteBudget, REQUEST_OVERHEAD } from './load.js';

export interface BodyLimits {
  /** Bytes of a body at the most. */
  bodyBytes: number;
  /** Bytes kept of a body that is larger. */
  prefixBytes: number;
  /** Bytes of a larger body that are read and counted before its sender is answered unheard. */
  countedBytes: number;
}

/** What the door takes where nothing else is said. */
export const BODY_LIMITS: BodyLimits = {
  bodyBytes: 5 * 1024 * 1024,
  prefixBytes: 64 * 1024,
  countedBytes: 64 * 1024 * 1024,
};

export type ReadBody =
  | { kind: 'whole'; bytes: Buffer; held: number }
  /** `ended` is false where the sender goes on; `length` is then what it announced, or came so far. */
  | { kind: 'too_large'; bytes: Buffer; length: number; ended: boolean; held: number }
  | { kind: 'no_room' }
  /** The sender went away or was cut off: nobody is there to be answered. */
  | { kind: 'gone' };

interface Reading {
  limits: BodyLimits;
  budget: ByteBudget;
  /** Undefined once it is settled: what is held is the caller's then, and nothing that still comes is counted. */
  resolve: ((body: ReadBody) => void) | undefined;
  chunks: Buffer[];
  length: number;
  held: number;
}

const READING = Symbol('reading');
type Request = IncomingMessage & { [READING]: Reading };

/**
 * Reads the body to its end. Bytes are taken from `budget` as they come; the caller gives `held` back once the
 * request is answered. Listeners without closures: five of them a request are a twentieth of what it costs.
 */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  budget: ByteBudget,
): Promise<ReadBody> {
  return new Promise((resolve) => {
    (request as Request)[READING] = { limits, budget, resolve, chunks: [], length: 0, held: 0 };
    request.on('data', takeChunk);
    request.on('end', finish);
    // Without a listener for errors node makes none of a sender that goes away; it closes.
    request.on('close', giveUp);
  });
}

function takeChunk(this: IncomingMessage, chunk: Buffer): void {
  const reading = (this as Request)[READING];
  const { limits, budget, chunks } = reading;
  if (reading.resolve === undefined) return;
  reading.length += chunk.length;
  if (reading.length > limits.bodyBytes) {
    if (reading.length - chunk.length <= limits.bodyBytes) chunks.push(chunk);
    cutToPrefix(reading);
    if (reading.length > limits.countedBytes) settle(this, tooLarge(this, reading, false));
    return;
  }
  const bytes = chunks.length === 0 ? chunk.length + REQUEST_OVERHEAD : chunk.length;
  if (!budget.take(bytes, reading.held)) {
    settle(this, { kind: 'no_room' });
    return;
  }
  reading.held += bytes;
  chunks.push(chunk);
}

function finish(this: IncomingMessage): void {
  const reading = (this as Request)[READING];
  const { chunks, held } = reading;
  if (reading.resolve === undefined) return;
  if (reading.length > reading.limits.bodyBytes) {
    settle(this, tooLarge(this, reading, true));
    return;
  }
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  settle(this, { kind: 'whole', bytes, held });
}

function giveUp(this: IncomingMessage): void {
  settle(this, { kind: 'gone' });
}

function tooLarge(request: IncomingMessage, reading: Reading, ended: boolean): ReadBody {
  cutToPrefix(reading);
  // It may announce more than a bigint holds.
  const announced = Math.min(Number(request.headers['content-length'] ?? 0), Number.MAX_SAFE_INTEGER);
  const length = ended ? reading.length : Math.max(announced, reading.length);
  return { kind: 'too_large', bytes: Buffer.concat(reading.chunks), length, ended, held: reading.held };
}

function cutToPrefix(reading: Reading): void {
  const { chunks, budget, limits } = reading;
  if (chunks.length === 1 && chunks[0]!.length <= limits.prefixBytes) return;
  const prefix = Buffer.from(Buffer.concat(chunks).subarray(0, limits.prefixBytes));
  reading.chunks = [prefix];
  budget.give(reading.held - prefix.length);
  reading.held = prefix.length;
}

function settle(request: IncomingMessage, body: ReadBody): void {
  const reading = (request as Request)[READING];
  const { resolve, budget, held } = reading;
  if (resolve === undefined) return;
  reading.resolve = undefined;
  reading.chunks = [];
  if (body.kind === 'no_room' || body.kind === 'gone') budget.give(held);
  // What still comes is read and let go by node, so that the sender gets to read its answer.
  if (!request.complete) request.removeListener('data', takeChunk).resume();
  resolve(body);
}
