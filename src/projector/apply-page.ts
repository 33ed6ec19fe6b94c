// One page, one transaction: checkpoints, rows, unreadable and parked events of every follower at that position.
//
// Two projectors at once: the compare-and-set is the first statement, so the second waits for the first's commit,
// finds the checkpoint moved, and everything it sent is void. Killed half-way: Postgres rolls back, the checkpoint
// stands where it was, and the page is folded again by whoever comes next.
import type pg from 'pg';
import { commitShares, foldShares, RowRefused, type Share } from './commit-page.js';
import type { Refusal } from './fold-page.js';
import type { Follower } from './follower.js';
import { type Page, slicePage } from './page.js';

/**
 * Folds and commits a page for all shares, which stand at the position before it. Throws CheckpointMoved where
 * another was faster. A row that Postgres refuses is narrowed down to its event, which is parked.
 */
export async function applyPage(pool: pg.Pool, shares: readonly Share[], page: Page): Promise<void> {
  const refused = new Map<Follower, Refusal>();
  for (;;) {
    const folded = await foldShares(pool, shares, page, refused);
    try {
      return await commitShares(pool, shares, folded);
    } catch (error) {
      folded.undo();
      if (!(error instanceof RowRefused)) throw error;
      if (refused.has(error.follower)) throw error.cause;
      if (page.events.length > 1) return applyHalves(pool, shares, page);
      refused.set(error.follower, { position: page.last, reason: error.message });
    }
  }
}

async function applyHalves(pool: pg.Pool, shares: readonly Share[], page: Page): Promise<void> {
  const middle = page.events.length >> 1;
  await applyPage(pool, shares, slicePage(page, 0, middle));
  await applyPage(pool, shares, slicePage(page, middle, page.events.length));
}
