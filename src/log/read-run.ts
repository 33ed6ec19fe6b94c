// Runs of the log: events that follow each other, bounded in number and in bytes.
import type pg from 'pg';
import { type CopiedRows, copyOut } from '../postgres/copy-out.js';
import { FOLDED_COLUMNS } from './copied-event.js';

/** Bounds of a run: events, and bytes of their rows as Postgres sends them. */
export interface RunLimits {
  events: number;
  bytes: number;
}

/** Events of the log that follow each other. */
export interface Run<Event> {
  events: Event[];
  /** It ends because of a bound: there may be more behind it. */
  isFull: boolean;
}

/** Rows of a run; see `Run`. */
export type CopiedRun = CopiedRows & Pick<Run<never>, 'isFull'>;

/**
 * The rows of the events after a position, in order, within the limits; one at least, if there is one. Events that are
 * not there are passed over (`beforeGap` tells). They are written into `room`, where they fit.
 */
export type RunCopier = (
  pool: pg.Pool,
  position: number,
  limits: RunLimits,
  room: Buffer,
) => Promise<CopiedRun>;

/**
 * A reader of some columns of runs by COPY, at half the cost of a SELECT. Postgres is not asked how large bodies are,
 * which would cost it a third of the reading: as many events are asked for as fit if they are as large as the
 * last ones, and what is too much all the same is left out.
 */
export function createRunCopier(columns: string): RunCopier {
  /** Of the last run, on average. */
  let rowBytes = 0;

  return async (pool, position, limits, room) => {
    const fitting = rowBytes === 0 ? limits.events : Math.floor(limits.bytes / rowBytes);
    const events = Math.max(1, Math.min(limits.events, fitting));
    const rows = await copyOut(pool, select(columns, position, events), room, limits.bytes);
    const count = rows.starts.length;
    if (count > 0) rowBytes = rows.end / count;
    return { ...rows, isFull: rows.isCut || count === events };
  };
}

// COPY takes no parameters: the bounds are written into the statement.
function select(columns: string, position: number, events: number): string {
  for (const value of [position, position + events])
    if (!Number.isSafeInteger(value))
      throw new RangeError(`expected a position of the log, a safe integer, found ${value}`);
  return `SELECT ${columns} FROM event_log WHERE position > ${position} AND position <= ${position + events}
    ORDER BY position`;
}

const FEW_BYTES = 16 * 1024;

/** Runs as rows of `FOLDED_COLUMNS`, which have their buffer to themselves. One reader a place in the log: it guesses from run to run. */
export function createFoldedRunCopier(pool: pg.Pool) {
  const copy = createRunCopier(FOLDED_COLUMNS);
  let lastRunBytes = FEW_BYTES;

  return async (position: number, limits: RunLimits): Promise<CopiedRun> => {
    const run = await copy(
      pool,
      position,
      limits,
      Buffer.allocUnsafeSlow(lastRunBytes + (lastRunBytes >> 3)),
    );
    lastRunBytes = Math.max(FEW_BYTES, run.end);
    return run;
  };
}
