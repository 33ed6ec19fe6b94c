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

/**
 * The same, and with what is parked in its live build parked again, whatever `evolve` makes of it: Postgres may have
 * refused the row. `keyIds`: the only keys that are folded; default: any.
 */
export async function asServed(
  db: pg.Pool | pg.ClientBase,
  projection: Projection,
  keyIds?: readonly string[],
): Promise<Projection> {
  const folding = await withoutDiscarded(db, projection);
  const ofKeys = `AND hashtextextended(p.key_id, 0) IN (SELECT hashtextextended(id, 0) FROM unnest($3::text[]) u(id))
    AND p.key_id = ANY ($3)`;
  const { rows } = await db.query<{ position: number; reason: string }>(
    `SELECT DISTINCT ON (p.key_id) p.position, p.reason
     FROM projector.parked p JOIN projector.build b USING (build_id)
     WHERE b.state = 'live' AND b.projection = $1 AND b.version = $2 ${keyIds ? ofKeys : ''}
     ORDER BY p.key_id, p.position`,
    [projection.name, projection.version, ...(keyIds ? [keyIds] : [])],
  );
  if (rows.length === 0) return folding;
  const reasons = new Map(rows.map(({ position, reason }) => [position, reason]));
  // biome-ignore lint/suspicious/noExplicitAny: the forms of row and event that the projection has
  const evolve = (row: any, event: any) => {
    const reason = reasons.get(event.position);
    if (reason !== undefined) throw new Error(reason);
    return projection.evolve(row, event);
  };
  return { ...folding, evolve };
}
