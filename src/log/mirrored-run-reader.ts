// Reads runs of the log for the stream: what goes into its messages, and bodies as the bytes that Postgres sent.
import type pg from 'pg';
import type { MirroredEvent } from '../../schemas/logged-event.js';
import { MIRRORED_COLUMNS, toMirroredEvents } from './copied-event.js';
import { beforeGap } from './missing-event.js';
import { createRunCopier, type Run, type RunLimits } from './read-run.js';

/**
 * The events after a position, in order, without a gap, within the limits; one at least, if there is one. Throws
 * EventMissing where the first is not there, but later ones within the limits are.
 */
export type MirroredRunReader = (position: number, limits: RunLimits) => Promise<Run<MirroredEvent>>;

const FEW_BYTES = 16 * 1024;
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/**
 * A reader on the connections of a pool (not a pipelined one). Runs are read into two buffers by turns: one may be
 * read while the run before it is in use, whose events are overwritten by the next read after that.
 */
export function createMirroredRunReader(pool: pg.Pool): MirroredRunReader {
  const rooms: Buffer[] = [Buffer.allocUnsafeSlow(FEW_BYTES), Buffer.allocUnsafeSlow(FEW_BYTES)];
  const copyMirrored = createRunCopier(MIRRORED_COLUMNS);
  let turn = 0;

  return async (position, limits) => {
    turn = 1 - turn;
    const mine = turn;
    const run = await copyMirrored(pool, position, limits, rooms[mine]!);
    // Memory for one run of large bodies is not held for ever.
    if (run.bytes.length <= MOST_KEPT_BYTES) rooms[mine] = run.bytes;
    return { events: beforeGap(position, toMirroredEvents(run)), isFull: run.isFull };
  };
}
