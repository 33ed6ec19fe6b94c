// A long read of a view or a table (a dump, say) stands in the way of its swap or its end, and so does another swap, or
// one that was killed, until the server has noticed. Waiting behind it would hold all readers up, so the transaction
// gives way after a second and tries again.
import { setTimeout as delay } from 'node:timers/promises';
import { isLocked } from '../../postgres/failure.js';

/** How often a swap is tried. */
export const LOCK_ROUNDS = 20;
const LOCK_PAUSE_MS = 500;

/** Waits a moment before the next round; throws after the last one, with what can be done. */
export async function giveWay(error: unknown, round: number): Promise<undefined> {
  if (round < LOCK_ROUNDS) return delay(LOCK_PAUSE_MS);
  throw new Error(
    'a view could not be swapped, or a table not dropped: a long transaction reads it, or holds its checkpoints ' +
      '(pg_stat_activity shows which). Run the same again when it has ended; nothing was changed.',
    { cause: error },
  );
}

/** Does what gives up where something is locked; again and again, until it is done or `giveWay` throws. */
export async function givingWay<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (let round = 1; ; round++)
    try {
      return await work();
    } catch (error) {
      if (!isLocked(error)) throw error;
      await giveWay(error, round);
    }
}
