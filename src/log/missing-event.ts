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

/**
 * Throws EventMissing where a partition of the log up to `through` is detached. Asked after a reading of what events there
 * are for a key, since that passes over what is missing in silence.
 */
export async function assertWhole(db: pg.Pool | pg.ClientBase, through: number): Promise<void> {
  const { rows } = await db.query('SELECT first_missing($1) AS position', [through]);
  if (rows[0].position !== null) throw new EventMissing(rows[0].position);
}
