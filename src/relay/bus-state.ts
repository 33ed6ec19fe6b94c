import type pg from 'pg';
import { dial } from '../bus/connect.js';
import { findStream, managerOf, STREAM } from '../bus/stream.js';
import { assertCopy } from './find-position.js';

/** The stream as `hookfold status` shows it. */
export interface BusState {
  stream: string;
  /** The stream's last sequence; 0 where there is no stream yet. */
  sequence: number;
  /** Above 1 where the oldest messages were removed; 0 where there is no stream. */
  first_sequence: number;
  /** Why the stream is no copy of the log (the relay leaves it alone then), or cannot be read; null if it is one. */
  error: string | null;
}

/** Asks NATS for the stream and compares its end with the log. Does not throw: what failed is in `error`. */
export async function readBusState(pool: pg.Pool, natsUrl: string): Promise<BusState> {
  const state: BusState = { stream: STREAM, sequence: 0, first_sequence: 0, error: null };
  try {
    const connection = await dial(natsUrl, 'hookfold status');
    try {
      const info = await findStream(await managerOf(connection));
      state.sequence = info?.state.last_seq ?? 0;
      state.first_sequence = info?.state.first_seq ?? 0;
      if (state.sequence > 0) await assertCopy(connection, pool, state.sequence);
    } finally {
      await connection.close();
    }
  } catch (error) {
    state.error = (error as Error).message;
  }
  return state;
}
