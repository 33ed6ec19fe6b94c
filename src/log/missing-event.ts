import type pg from 'pg';

/** The log has no event where one must be: a partition was archived away, or the log is older than its reader. */
export class EventMissing extends Error {
  readonly code = 'HOOKFOLD_EVENT_MISSING';
  constructor(readonly position: number) {
    super(
      `the log has no event at position ${position}, though it has later ones, or had them. ` +
        'Attach the partition that was archived, or restore a newer log; hookfold verify log tells what is there.',
    );
  }
}

/**
 * Of events read after a position, those that follow it one by one. Throws EventMissing where the first is not there, but
 * later ones are. Without it a detached partition would be passed over in silence.
 */
export function beforeGap<Event extends { position: number }>(position: number, events: Event[]): Event[] {
  if (events.length === 0 || events.at(-1)!.position === position + events.length) return events;
  const gap = events.findIndex((event, index) => event.position !== position + 1 + index);
  if (gap === 0) throw new EventMissing(position + 1);
  return events.slice(0, gap);
}

/** Positions that are not in the log at present: those of a partition that is detached. */
export interface Missing {
  first: number;
  last: number;
}

/**
 * Runs a reading that passes over missing events in silence, and tells which were missing just before it or just after.
 * Both count: a partition may be attached, or detached, while it runs.
 */
export async function readBesideMissing<Answer>(
  db: pg.Pool | pg.ClientBase,
  read: () => Promise<Answer>,
): Promise<{ answer: Answer; missing: Missing[] }> {
  const before = await listMissing(db);
  const answer = await read();
  return { answer, missing: [...before, ...(await listMissing(db))] };
}

/** The same, of a reading of the events up to `through`. Throws EventMissing where any of them was missing. */
export async function readWhole<Answer>(
  db: pg.Pool | pg.ClientBase,
  through: number,
  read: () => Promise<Answer>,
): Promise<Answer> {
  const { answer, missing } = await readBesideMissing(db, read);
  const [first] = missingWithin(missing, 1, through);
  if (first) throw new EventMissing(first.first);
  return answer;
}

/** What is missing of the positions from `low` to `high`. */
export function missingWithin(missing: readonly Missing[], low: number, high: number): Missing[] {
  return missing
    .map(({ first, last }) => ({ first: Math.max(first, low), last: Math.min(last, high) }))
    .filter(({ first, last }) => first <= last);
}

async function listMissing(db: pg.Pool | pg.ClientBase): Promise<Missing[]> {
  const { rows } = await db.query(
    'SELECT first_position AS first, last_position AS last FROM missing_partitions()',
  );
  return rows;
}
