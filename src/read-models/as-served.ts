// Projections as what is kept about their versions leaves them, so that whatever folds a version anew makes the rows that
// are served.
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';

/** The projection as what is discarded of its version leaves it: such events concern no row. */
export async function withoutDiscarded(
  db: pg.Pool | pg.ClientBase,
  projection: Projection,
): Promise<Projection> {
  const { rows } = await db.query<{ position: number; event_id: string }>(
    'SELECT position, event_id FROM projector.discarded WHERE projection = $1 AND version = $2',
    [projection.name, projection.version],
  );
  if (rows.length === 0) return projection;
  const ids = new Map(rows.map(({ position, event_id }) => [position, event_id]));
  // biome-ignore lint/suspicious/noExplicitAny: the form of event that the projection reads
  const key = (event: any) =>
    ids.get(event.position) === event.event_id ? undefined : projection.key(event);
  return { ...projection, key };
}
