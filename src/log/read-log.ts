// Reads the log in order. Positions follow commits, so `position > last` never passes over an event.
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { instantFromPostgres, TEXT_TYPES } from '../postgres/connect.js';

type Queryable = pg.Pool | pg.ClientBase;

const SUMMARY_COLUMNS = `position, event_id, received_at, source, workspace_id, customer_id, event,
  integration_id, resource_type, resource_id, state`;
/** The columns of a `LoggedEvent`, in the order that `toLoggedEvent` reads them. */
export const LOGGED_COLUMNS = `${SUMMARY_COLUMNS}, body`;

type TextRow = (string | null)[];

/** A row of `LOGGED_COLUMNS`, read as text in array form, as an event. */
function toLoggedEvent(row: TextRow): LoggedEvent {
  return {
    position: Number(row[0]),
    event_id: row[1]!,
    received_at: instantFromPostgres(row[2]!),
    source: row[3]!,
    workspace_id: row[4]!,
    customer_id: row[5]!,
    event: row[6]!,
    integration_id: row[7]!,
    resource_type: row[8]!,
    resource_id: row[9]!,
    state: row[10]!,
    body: row[11]!,
  };
}

/** Runs a query that selects `LOGGED_COLUMNS` and answers its events in the query's order. */
export async function selectEvents(db: Queryable, text: string, values: unknown[]): Promise<LoggedEvent[]> {
  const result = await db.query({ text, values, rowMode: 'array', types: TEXT_TYPES });
  return (result.rows as unknown as TextRow[]).map(toLoggedEvent);
}

/** The events of the `limit` positions after `position` that the log has, in order. */
export function readAfter(db: Queryable, position: number, limit: number): Promise<LoggedEvent[]> {
  return selectEvents(
    db,
    `SELECT ${LOGGED_COLUMNS} FROM event_log WHERE position > $1 AND position <= $2 ORDER BY position`,
    [position, position + limit],
  );
}

/** The same, without their bodies. */
export function readSummariesAfter(
  db: Queryable,
  position: number,
  limit: number,
): Promise<Omit<LoggedEvent, 'body'>[]> {
  return selectEvents(
    db,
    `SELECT ${SUMMARY_COLUMNS} FROM event_log WHERE position > $1 AND position <= $2 ORDER BY position`,
    [position, position + limit],
  );
}

/** The event at a position, if there is one. */
export async function readAt(db: Queryable, position: number): Promise<LoggedEvent | undefined> {
  const [event] = await readAfter(db, position - 1, 1);
  return event;
}

/** Position of the last committed event; 0 for an empty log. */
export async function readHead(db: Queryable): Promise<number> {
  const result = await db.query('SELECT position FROM log_head');
  return result.rows[0]!.position;
}
