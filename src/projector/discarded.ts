// Parked events that somebody gave up. They are kept by version, so that whatever folds that version passes over them: what a
// rebuild makes, and what verification expects, is then what is served.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';

export interface DiscardedEvent {
  projection: string;
  version: number;
  position: number;
  event: string;
  /** Why it could not be folded. */
  reason: string;
  discarded_at: string;
}

/** Notes, in the caller's transaction, that an event which is parked in a build is given up. */
export async function noteDiscarded(
  client: pg.ClientBase,
  buildId: number,
  { position, event_id }: { position: number; event_id: string },
): Promise<void> {
  await client.query(
    `INSERT INTO projector.discarded (projection, version, position, event_id, event, reason)
     SELECT b.projection, b.version, p.position, $3, p.event, p.reason
     FROM projector.parked p JOIN projector.build b USING (build_id)
     WHERE p.build_id = $1 AND p.position = $2
     ON CONFLICT (projection, version, position) DO UPDATE
       SET event_id = $3, event = excluded.event, reason = excluded.reason, discarded_at = now()`,
    [buildId, position, event_id],
  );
}

/** What was discarded of these projections' versions, by projection and position. */
export async function listDiscarded(
  readPool: pg.Pool,
  projections: readonly Projection[],
): Promise<DiscardedEvent[]> {
  const { rows } = await readPool.query(
    `SELECT projection, version, position, event, reason, discarded_at
     FROM projector.discarded
     JOIN unnest($1::text[], $2::integer[]) AS code (projection, version) USING (projection, version)
     ORDER BY projection, position`,
    [projections.map(({ name }) => name), projections.map(({ version }) => version)],
  );
  return rows;
}
