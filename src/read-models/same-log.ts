// Whether the log is the one that a read model was folded from: an older backup may have been restored, and have grown
// since, with other events at the same positions.
import type pg from 'pg';
import type { Place } from './checkpoint.js';

/** A place that the log does not know. */
export interface Mismatch<P extends Place = Place> {
  checkpoint: P;
  /** Id of the event that the log has there; undefined where it ends before. */
  found: string | undefined;
}

/** A read model cannot go on with this log: it was folded from another one. */
export class AnotherLog extends Error {
  readonly code = 'HOOKFOLD_ANOTHER_LOG';
  constructor(name: string, { checkpoint, found }: Mismatch) {
    super(
      `${name} was folded from another log, whose event ${checkpoint.position} has the id ` +
        `${checkpoint.event_id ?? '(not known)'}; this log ${found ? `has ${found} there` : 'ends before it'}. ` +
        `Make its rows anew from this log: hookfold rebuild ${name}; or restore the log that they are of.`,
    );
  }
}

/**
 * Those of the checkpoints at which the log has another event, or before which it ends. Not compared is one whose event
 * is not known, or is in a partition that was detached. Read the checkpoints before: the log has been there then.
 */
export async function findMismatches<P extends Place>(
  log: pg.Pool,
  checkpoints: readonly P[],
): Promise<Mismatch<P>[]> {
  if (checkpoints.length === 0) return [];
  // One statement: what is not there below the head it saw is missing.
  const { rows } = await log.query(
    `SELECT h.position AS head, e.position, e.event_id
     FROM log_head h LEFT JOIN event_log e ON e.position = ANY ($1::bigint[])`,
    [[...new Set(checkpoints.map(({ position }) => position))]],
  );
  const { head } = rows[0];
  const ids = new Map<number, string>(rows.map(({ position, event_id }) => [position, event_id]));
  return checkpoints.flatMap((checkpoint) => {
    const found = ids.get(checkpoint.position);
    const isOther = found !== undefined && checkpoint.event_id !== null && found !== checkpoint.event_id;
    return isOther || checkpoint.position > head ? [{ checkpoint, found }] : [];
  });
}

/** Throws AnotherLog where a read model was folded from another log; see `findMismatches`. */
export async function assertSameLog(
  log: pg.Pool,
  name: string,
  checkpoints: readonly Place[],
): Promise<void> {
  const [mismatch] = await findMismatches(log, checkpoints);
  if (mismatch) throw new AnotherLog(name, mismatch);
}
