// The stream of a bench: it mirrors one log, so each bench begins without it and leaves none behind.
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type JetStreamManager } from 'nats';
import type pg from 'pg';
import { findStream, managerOf, STREAM } from '../src/bus/stream.js';

const STANDS_STILL_MS = 10_000;

async function withManager<Answer>(
  natsUrl: string,
  work: (manager: JetStreamManager) => Promise<Answer>,
): Promise<Answer> {
  const connection = await connect({ servers: natsUrl });
  try {
    return await work(await managerOf(connection));
  } finally {
    await connection.close();
  }
}

const lastSequence = async (manager: JetStreamManager): Promise<number | undefined> => {
  const stream = await findStream(manager);
  return stream?.state.last_seq;
};

/** Throws where the server has the stream already: of another log, the relay would publish nothing. */
export async function assertNoStream(natsUrl: string): Promise<void> {
  if ((await withManager(natsUrl, lastSequence)) === undefined) return;
  throw new Error(
    `expected a nats-server without a stream ${STREAM}, found one at ${new URL(natsUrl).host}. Name another server, or remove the stream if nobody needs it.`,
  );
}

/** Removes the stream, if there is one. */
export async function removeStream(natsUrl: string): Promise<void> {
  await withManager(natsUrl, async (manager) => {
    if (await findStream(manager)) await manager.streams.delete(STREAM);
  });
}

/**
 * Resolves when the stream holds all of the log, with the number of events that it lacked when it was asked first. Throws
 * where it stands still: the relay does not work then.
 */
export function untilRelayed(natsUrl: string, pool: pg.Pool): Promise<number> {
  return withManager(natsUrl, async (manager) => {
    const { rows } = await pool.query<{ position: number }>('SELECT position FROM log_head');
    const head = rows[0]!.position;
    const first = (await lastSequence(manager)) ?? 0;
    let last = first;
    let moved = performance.now();
    while (last < head) {
      await delay(10);
      const now = (await lastSequence(manager)) ?? 0;
      if (now > last) moved = performance.now();
      else if (performance.now() - moved > STANDS_STILL_MS)
        throw new Error(`the relay stands still at ${now}, ${head - now} events behind the log`);
      last = now;
    }
    return Math.max(0, head - first);
  });
}
