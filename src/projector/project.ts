// One round of projecting: of the followers' checkpoints, those at one position share one read of the log and one
// transaction. Each position among them gets a page a round, so that one far behind does not hold up the others.
import type pg from 'pg';
import type { Checkpoint } from '../read-models/checkpoint.js';
import { applyPage, type Share } from './apply-page.js';
import type { Follower } from './follower.js';
import { createPage } from './page.js';
import type { PageReader } from './read-page.js';

export interface ProjectOptions {
  readPage: PageReader;
  readPool: pg.Pool;
  /** Told after each committed page. */
  onPage?(events: number, shares: readonly Share[]): void;
}

/** Folds a page for every position at which a follower stands. Answers the number of events read; 0: all at the head. */
export async function projectRound(followers: readonly Follower[], options: ProjectOptions): Promise<number> {
  const positions = [
    ...new Set(followers.flatMap(({ checkpoints }) => checkpoints.map(({ position }) => position))),
  ];
  positions.sort((a, b) => b - a);
  let read = 0;
  for (const [index, position] of positions.entries()) {
    const ahead = index === 0 ? Number.POSITIVE_INFINITY : positions[index - 1]! - position;
    read += await projectFrom(position, ahead, followers, options);
  }
  return read;
}

async function projectFrom(
  position: number,
  limit: number,
  followers: readonly Follower[],
  { readPage, readPool, onPage }: ProjectOptions,
): Promise<number> {
  const events = await readPage(position, limit);
  if (events.length === 0) return 0;
  const shares = followers
    .map((follower) => ({ follower, checkpoints: standingAt(follower, position) }))
    .filter(({ checkpoints }) => checkpoints.length > 0);
  await applyPage(readPool, shares, createPage(events));
  onPage?.(events.length, shares);
  return events.length;
}

function standingAt(follower: Follower, position: number): Checkpoint[] {
  return follower.checkpoints.filter((checkpoint) => checkpoint.position === position);
}
