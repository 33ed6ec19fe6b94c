// Several processes may append to one log; each batch waits for its turn at the log's head. A batch that is sent at once
// would only stand in line, and what arrives meanwhile would be one batch more, and a batch costs as much to begin as
// many events. So who finds that others append gathers for as long as it would have stood in line.
import type { Appended } from './append-events.js';

/** How long one appender gathers before its next batch. */
export interface Gathering {
  /** A batch was committed, `ms` after it was sent. Answers how many milliseconds to gather for. */
  committed(answers: readonly Appended[], ms: number): number;
  /** Whether others append as well, as far as is known. */
  isShared(): boolean;
  /** Nothing waits: what others append from here on says nothing of the next batch's turn. */
  idle(): void;
}

/** At the most: a commit that took long for another reason must not be answered by as long a pause. */
const MOST_MS = 25;
/** A timer is not more exact than this. */
const LEAST_MS = 1;

/** Gathering that knows of no batch yet. */
export function createGathering(): Gathering {
  /** The log's head as this appender's last batch left it. */
  let head: number | undefined;
  let others = 0;
  /** The head before the last batch was not known. */
  let isUnsure = false;

  // What others appended since is about their share of the time that this batch took.
  function committed(answers: readonly Appended[], ms: number): number {
    const own = answers.filter(({ duplicate }) => !duplicate);
    const last = own.at(-1)?.position;
    if (last === undefined) return 0;
    const before = head;
    head = last;
    if (before === undefined) {
      // Who only ever commits all that waits never knows: others that were there are not believed in for ever.
      if (isUnsure) others = 0;
      isUnsure = true;
      return 0;
    }
    isUnsure = false;
    others = last - own.length - before;
    const wait = (ms * others) / (others + own.length);
    return wait < LEAST_MS ? 0 : Math.min(wait, MOST_MS);
  }

  return {
    committed,
    isShared: () => others > 0,
    idle() {
      head = undefined;
    },
  };
}
