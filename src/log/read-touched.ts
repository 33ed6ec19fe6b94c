// Who had events between two positions. Both throw EventMissing where the log is not whole up to the second.
import type pg from 'pg';
import { readWhole } from './missing-event.js';
import type { ResourceKey } from './read-history.js';

const PAGE = 50;

/** The integrations that had events after `from` and up to `to`, in the order of their ids. */
export async function readTouchedIntegrations(db: pg.Pool, from: number, to: number): Promise<string[]> {
  const reading = () =>
    db.query(
      `SELECT DISTINCT integration_id FROM event_log
     WHERE position > $1 AND position <= $2 AND integration_id IS NOT NULL ORDER BY 1`,
      [from, to],
    );
  const { rows } = await readWhole(db, to, reading);
  return rows.map(({ integration_id }) => integration_id);
}

/** The resources of an integration that had events after `from` and up to `to`, in groups. */
export async function* readTouchedResources(
  db: pg.Pool,
  integrationId: string,
  from: number,
  to: number,
): AsyncGenerator<ResourceKey[]> {
  const reading = () =>
    db.query(
      `SELECT DISTINCT resource_type AS type, resource_id FROM event_log
     WHERE hashtextextended(integration_id, 0) = hashtextextended($1, 0) AND integration_id = $1
       AND position > $2 AND position <= $3 AND resource_type IS NOT NULL AND resource_id IS NOT NULL
     ORDER BY 1, 2`,
      [integrationId, from, to],
    );
  const { rows } = await readWhole(db, to, reading);
  for (let at = 0; at < rows.length; at += PAGE) yield rows.slice(at, at + PAGE);
}
