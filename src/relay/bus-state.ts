import { NatsError } from 'nats';
import type pg from 'pg';
import { dial } from '../bus/connect.js';
import { assertFree, assertServer, findStream, managerOf, STREAM } from '../bus/stream.js';
import { compareEnd } from './find-position.js';

/** The stream as `hookfold status` shows it. */
export interface BusState {
  stream: string;
  /** The stream's last sequence; null where there is none to ask. */
  sequence: number | null;
  /** Above 1 where the oldest messages were removed. */
  first_sequence: number | null;
  messages: number | null;
  /** The server's version. */
  server: string | null;
  /** Why there is no stream to ask, or why the relay refuses it; null if it is a copy of the log. */
  reason: string | null;
}

/**
 * Asks NATS for the stream and compares its end with the log, as the relay does before it publishes. Does not throw: what
 * failed is the `reason`.
 */
export async function readBusState(pool: pg.Pool, natsUrl: string | undefined): Promise<BusState> {
  const state: BusState = {
    ...{ stream: STREAM, sequence: null, first_sequence: null, messages: null, server: null },
    reason: null,
  };
  if (natsUrl === undefined) return { ...state, reason: 'no bus is configured (NATS_URL)' };
  try {
    await ask(natsUrl, pool, state);
  } catch (error) {
    // What the server answers has a text; the client's own errors are codes.
    state.reason =
      error instanceof NatsError && !error.api_error
        ? `the bus does not answer (${error.code})`
        : (error as Error).message;
  }
  return state;
}

/** Writes down in `state` what it learns, and throws what is wrong with it. */
async function ask(natsUrl: string, pool: pg.Pool, state: BusState): Promise<void> {
  const connection = await dial(natsUrl, 'hookfold status');
  try {
    state.server = connection.info?.version ?? null;
    assertServer(connection);
    const manager = await managerOf(connection);
    const info = await findStream(manager);
    if (!info) {
      await assertFree(manager);
      throw new Error(`the server has no stream ${STREAM} yet`);
    }
    const { first_seq: first_sequence, last_seq: sequence, messages } = info.state;
    Object.assign(state, { first_sequence, sequence, messages });
    await compareEnd(connection, pool, info);
  } finally {
    await connection.close();
  }
}
