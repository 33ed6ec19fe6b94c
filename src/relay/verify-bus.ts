// Compares the whole stream with the log: message n against event n, for every n.
import type { JsMsg } from 'nats';
import type pg from 'pg';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { dial } from '../bus/connect.js';
import { findStream, managerOf } from '../bus/stream.js';
import { createMirroredRunReader } from '../log/mirrored-run-reader.js';
import { EventMissing } from '../log/missing-event.js';
import { readHead } from '../log/read-log.js';
import { differenceOf } from './compare-message.js';
import { createStreamReader, type StreamReader } from './read-stream.js';

/** What became of a comparison. */
export interface BusVerification {
  /** How many positions, from `first_sequence` on, were compared and found equal. */
  compared: number;
  /** The stream's first sequence when the comparison began; above 1 where older messages were removed. */
  first_sequence: number;
  /** The stream's last sequence when the comparison began. */
  sequence: number;
  /** The log's last position; what lies after `sequence` was not mirrored yet. */
  head: number;
  /** The first position at which the two differ, and how. Undefined where the stream is a copy. */
  difference?: { position: number; finding: string };
}

export interface VerifyBusOptions {
  pool: pg.Pool;
  natsUrl: string;
  /** Told now and then how many positions were compared, of how many. */
  onProgress?(compared: number, of: number): void;
}

const PAGE = { events: 500, bytes: 4 * 1024 * 1024 };

/**
 * Compares the stream with the log, from the stream's first message to its last, and stops at the first difference. Memory
 * is bounded by a page. Throws EventMissing where the log lacks an event that it had, and if either server cannot be
 * reached, or stops answering.
 */
export async function verifyBus({ pool, natsUrl, onProgress }: VerifyBusOptions): Promise<BusVerification> {
  const connection = await dial(natsUrl, 'hookfold verify bus');
  try {
    const info = await findStream(await managerOf(connection));
    const sequence = info?.state.last_seq ?? 0;
    const head = await readHead(pool);
    const result = { compared: 0, first_sequence: info?.state.first_seq || 1, sequence, head };
    if (!info || sequence === 0) return result;
    if (info.state.messages === 0) return differing(result, sequence, 'the stream has no message');
    const reader = await createStreamReader(connection, result.first_sequence);
    try {
      return await compare(pool, result, reader, onProgress);
    } finally {
      await reader.close();
    }
  } finally {
    await connection.close();
  }
}

async function compare(
  pool: pg.Pool,
  before: BusVerification,
  reader: StreamReader,
  onProgress: VerifyBusOptions['onProgress'],
): Promise<BusVerification> {
  const { sequence, head } = before;
  const readRun = createMirroredRunReader(pool);
  let result = before;
  while (lastOf(result) < Math.min(sequence, head) && !result.difference) {
    const { events: run } = await readRun(lastOf(result), PAGE);
    if (run.length === 0) throw new EventMissing(lastOf(result) + 1);
    const events = run.filter(({ position }) => position <= sequence);
    result = comparePage(result, events, await reader.read(events.length));
    onProgress?.(result.compared, sequence - result.first_sequence + 1);
  }
  if (sequence > head && !result.difference)
    return differing(result, lastOf(result) + 1, 'the stream has a message, the log no event');
  return result;
}

/** The last position that was compared, or that before the stream's first. */
function lastOf({ first_sequence, compared }: BusVerification): number {
  return first_sequence - 1 + compared;
}

function comparePage(
  result: BusVerification,
  events: MirroredEvent[],
  messages: (JsMsg | undefined)[],
): BusVerification {
  for (const [index, event] of events.entries()) {
    const message = messages[index];
    const compared = { ...result, compared: result.compared + index };
    if (message?.seq !== event.position)
      return differing(compared, event.position, 'the stream has no message');
    const finding = differenceOf(message, event);
    if (finding) return differing(compared, event.position, `the stream's message ${finding}`);
  }
  return { ...result, compared: result.compared + events.length };
}

function differing(result: BusVerification, position: number, finding: string): BusVerification {
  return { ...result, difference: { position, finding } };
}
