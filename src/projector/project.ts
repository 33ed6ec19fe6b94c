// One round of projecting: of the followers' checkpoints, those at one position share one read of the log and one
// transaction. Where all stand at one position they go on page after page; else each position among them gets a page
// a round, so that one far behind does not hold up the others.
import type pg from 'pg';
import { EventMissing } from '../log/missing-event.js';
import type { Checkpoint } from '../read-models/checkpoint.js';
import { applyPage } from './apply-page.js';
import { applyPages } from './apply-pages.js';
import type { Share } from './commit-page.js';
import type { Follower } from './follower.js';
import { createPage, type Page } from './page.js';
import { type PageReader, readKnown } from './read-page.js';

export interface ProjectOptions {
  readPage: PageReader;
  readPool: pg.Pool;
  /** Whether a round may take one more page; by default it takes one. */
  goesOn?(): boolean;
  /** Told after each committed page. */
  onPage?(events: number, shares: readonly Share[]): void;
}

/**
 * Behind a page of so few events there is most likely nothing yet: the next round looks, after the commit. But a page
 * may have few because they are large.
 */
const A_FEW = 50;

/** Folds a page for every position at which a follower stands. Answers the number of events read; 0: all at the head. */
export async function projectRound(followers: readonly Follower[], options: ProjectOptions): Promise<number> {
  const positions = positionsOf(followers);
  if (positions.length === 1) return projectOn(positions[0]!, followers, options);
  let read = 0;
  for (const [index, position] of positions.entries()) {
    const ahead = index === 0 ? Number.POSITIVE_INFINITY : positions[index - 1]! - position;
    read += await projectOnce(position, ahead, followers, options);
  }
  return read;
}

/**
 * Throws EventMissing where followers for whom nothing was to be read are not at the head: a partition was detached
 * behind them, or the log is an older one.
 */
export async function assertAtHead(
  followers: readonly Follower[],
  { readPage, readHead }: Pick<ProjectOptions, 'readPage'> & { readHead(): Promise<number> },
): Promise<void> {
  const [position] = positionsOf(followers);
  if (position === undefined) return;
  const head = await readHead();
  // Positions follow commits: an event up to the head that was seen is there for every later reading.
  if (head > position && (await readPage(position, 1)).length === 0) throw new EventMissing(position + 1);
  if (head < position) throw new EventMissing(head + 1);
}

/** Where followers stand, foremost first. */
function positionsOf(followers: readonly Follower[]): number[] {
  const all = followers.flatMap(({ checkpoints }) => checkpoints.map(({ position }) => position));
  return [...new Set(all)].sort((a, b) => b - a);
}

async function projectOn(
  position: number,
  followers: readonly Follower[],
  { readPage, readPool, goesOn, onPage }: ProjectOptions,
): Promise<number> {
  const shares = sharesAt(position, followers);
  let read = 0;
  async function next(previous: Page | undefined): Promise<Page | undefined> {
    if (previous && (isLast(previous, readPage) || !goesOn?.())) return undefined;
    const events = await readPage(previous?.last ?? position, Number.POSITIVE_INFINITY);
    return events.length > 0 ? createPage(events) : undefined;
  }
  function committed({ events }: Page): void {
    read += events.length;
    onPage?.(events.length, shares);
  }
  await applyPages(readPool, shares, { next, committed });
  return read;
}

const isLast = ({ events, last }: Page, readPage: PageReader) =>
  events.length < A_FEW && !readPage.isAhead?.(last);

async function projectOnce(
  position: number,
  limit: number,
  followers: readonly Follower[],
  { readPage, readPool, onPage }: ProjectOptions,
): Promise<number> {
  // Behind others there must be events.
  const events = Number.isFinite(limit)
    ? await readKnown(readPage, position, limit)
    : await readPage(position, limit);
  if (events.length === 0) return 0;
  const shares = sharesAt(position, followers);
  await applyPage(readPool, shares, createPage(events));
  onPage?.(events.length, shares);
  return events.length;
}

function sharesAt(position: number, followers: readonly Follower[]): Share[] {
  const standing = ({ checkpoints }: Follower): Checkpoint[] =>
    checkpoints.filter((checkpoint) => checkpoint.position === position);
  return followers
    .map((follower) => ({ follower, checkpoints: standing(follower) }))
    .filter(({ checkpoints }) => checkpoints.length > 0);
}
