import type pg from 'pg';
import { createEvent, type NewEvent } from '../src/log/new-event.js';

/**
 * Multiplies a log to `size` events by copying its first events under other ids, on the server: other integrations,
 * connects and resources with the same history. The seals of the copies do not verify; nothing else differs from a
 * log that grew.
 */
export async function multiplyLog(pool: pg.Pool, size: number): Promise<void> {
  const { rows } = await pool.query('SELECT position FROM log_head');
  const first: number = rows[0].position;
  await pool.query('SELECT ensure_event_log_partitions($1)', [size]);
  for (let position = first, copy = 1; position < size; position += first, copy++)
    await pool.query(copyStatement(copy), [Math.min(first, size - position)]);
  await pool.query('ANALYZE event_log');
}

// The first eight digits of ids become the copy's own, in columns and body alike; a body may spell an id without dashes.
function copyStatement(copy: number): string {
  const digits = digitsOf(copy);
  const other = (column: string) => `overlay(${column} placing '${digits}' from 1 for 8)`;
  const replaced = (text: string, id: string, otherId: string) =>
    `replace(${text}, coalesce(${id}, '\x01'), coalesce(${otherId}, ''))`;
  const undashed = (id: string) => `replace(${id}, '-', '')`;
  const [integration, resource, state] = ['e.integration_id', 'e.resource_id', 'e.state'];
  const dashed = replaced('e.body::text', integration, other(integration));
  const spelled = replaced(dashed, undashed(integration), undashed(other(integration)));
  const connected = replaced(spelled, state, other(state));
  return `
    WITH copied AS (
      INSERT INTO event_log (position, event_id, received_at, source, workspace_id, customer_id, event,
        integration_id, resource_type, resource_id, state, headers, body, digest)
      SELECT (SELECT position FROM log_head) + row_number() OVER (ORDER BY e.position), gen_random_uuid(),
        e.received_at, e.source, e.workspace_id, e.customer_id, e.event, ${other(integration)},
        e.resource_type, ${other(resource)}, ${other(state)}, e.headers,
        ${replaced(connected, resource, other(resource))}::json, e.digest
      FROM event_log e WHERE e.position <= $1
      RETURNING position
    )
    INSERT INTO seal (last_position, count, hash) SELECT max(position), count(*), sha256('copied') FROM copied`;
}

const ID_DIGITS = 8;

const digitsOf = (copy: number) => ((copy * 0x9e3779b1) >>> 0).toString(16).padStart(ID_DIGITS, '0');

/** An event of the log that was multiplied, as a new one of the integration that is `copy` of its own. */
export function copyEvent(event: NewEvent, copy: number): NewEvent {
  const other = (id: string) => digitsOf(copy) + id.slice(ID_DIGITS);
  const undashed = (id: string) => id.replaceAll('-', '');
  let body = event.body.toString();
  for (const id of [event.integration_id, event.state, event.resource_id])
    if (id) body = body.replaceAll(id, other(id)).replaceAll(undashed(id), undashed(other(id)));
  return createEvent(JSON.parse(body), Buffer.from(body), event);
}
