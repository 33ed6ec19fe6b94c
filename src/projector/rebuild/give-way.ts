// A long read of a view (a dump, say) stands in the way of its swap, and so does another swap, or one that was killed, until
// the server has noticed. Waiting behind it would hold all readers up, so the transaction gives way after a second and
// tries again.
import { setTimeout as delay } from 'node:timers/promises';

/** How often a swap is tried. */
export const LOCK_ROUNDS = 20;
const LOCK_PAUSE_MS = 500;

/** Waits a moment before the next round; throws after the last one, with what can be done. */
export async function giveWay(error: unknown, round: number): Promise<undefined> {
  if (round < LOCK_ROUNDS) return delay(LOCK_PAUSE_MS);
  throw new Error(
    'the view could not be swapped: a long transaction reads it, or holds its checkpoints (pg_stat_activity shows which). ' +
      'Run the same again when it has ended; what was built is kept.',
    { cause: error },
  );
}
