// Pages one after the other, each folded while the one before is written: Postgres and this process work at once.
//
//   page n     fold │ commit ──────────▶ committed
//   page n+1        │ read · fold        │ commit ──▶ …
//
// What is folded ahead rests on rows that are not committed yet. If their commit fails, both are undone.
import type pg from 'pg';
import { applyPage } from './apply-page.js';
import { commitShares, type FoldedShares, foldShares, RowRefused, type Share } from './commit-page.js';
import type { Page } from './page.js';

export interface PageSource {
  /** The page behind `previous`, or the first; undefined ends the run. */
  next(previous: Page | undefined): Promise<Page | undefined>;
  /** Told in order after each commit. */
  committed(page: Page): void;
}

interface Writing {
  folded: FoldedShares;
  /** Resolves to the error, or undefined after the commit. */
  outcome: Promise<unknown>;
}

/**
 * Folds and commits pages until the source ends; all of them are committed then. Throws as `applyPage` does: the
 * shares hold nothing in memory then, and stand at the last page that was committed.
 */
export async function applyPages(pool: pg.Pool, shares: readonly Share[], source: PageSource): Promise<void> {
  let writing: Writing | undefined;

  const write = (folded: FoldedShares): Writing => ({
    folded,
    outcome: commitShares(pool, shares, folded).then(
      () => source.committed(folded.page),
      (error) => error,
    ),
  });

  async function foldNext(): Promise<FoldedShares | undefined> {
    const page = await source.next(writing?.folded.page);
    return page && foldShares(pool, shares, page);
  }

  /** Waits for the page that is being written. Answers what was folded behind it, folded again where need be. */
  async function settle(folded: FoldedShares | undefined): Promise<FoldedShares | undefined> {
    const error = await writing?.outcome;
    if (error === undefined) return folded;
    folded?.undo();
    writing!.folded.undo();
    if (!(error instanceof RowRefused)) throw error;
    const { page } = writing!.folded;
    await applyPage(pool, shares, page);
    source.committed(page);
    return folded && foldShares(pool, shares, folded.page);
  }

  for (;;) {
    const folded = await foldNext().catch(async (error) => {
      if ((await writing?.outcome) !== undefined) writing!.folded.undo();
      throw error;
    });
    const next = await settle(folded);
    if (next === undefined) return;
    writing = write(next);
  }
}
