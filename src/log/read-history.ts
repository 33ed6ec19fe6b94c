// Reads the events of one integration, or of some of its resources, without reading the log between them.
import type pg from 'pg';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { LOGGED_COLUMNS, selectEvents } from './read-log.js';

/** A resource of an integration. */
export interface ResourceKey {
  type: string;
  resource_id: string;
}

/** Whose events: an integration's, or only those of some of its resources. */
export interface History {
  integration_id: string;
  resources?: readonly ResourceKey[];
}

/** A page holds so many events, or so many bytes of bodies (one larger event comes alone). */
const PAGE = { events: 500, bytes: 4 * 1024 * 1024 };

/** The events of a history after one position and up to another, in order, page by page. */
export async function* readHistory(
  db: pg.Pool | pg.ClientBase,
  history: History,
  through: number,
  after = 0,
): AsyncGenerator<LoggedEvent[]> {
  const { where, order, values } = conditionOf(history);
  // Bodies are measured without being read; the running sum ends the page.
  const text = `
    SELECT ${LOGGED_COLUMNS} FROM (
      SELECT *, sum(bytes) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before
      FROM (
        SELECT ${LOGGED_COLUMNS}, octet_length(body::text) AS bytes
        FROM event_log WHERE ${where} AND position > $1 AND position <= $2 ORDER BY ${order} LIMIT ${PAGE.events}
      ) AS candidate
    ) AS measured
    WHERE bytes_before < ${PAGE.bytes} ORDER BY position`;
  for (let last = after; last < through; ) {
    const events = await selectEvents(db, text, [last, through, ...values]);
    if (events.length === 0) return;
    yield events;
    last = events.at(-1)!.position;
  }
}

// Hashes are what is indexed; texts decide, since hashes collide. Of one hash the index gives the order of positions;
// of several it does not, and `position + 0` keeps Postgres from walking the whole log in order instead.
function conditionOf({ integration_id, resources }: History) {
  const [first, second] = resources ?? [];
  if (first === undefined)
    return {
      where: 'hashtextextended(integration_id, 0) = hashtextextended($3, 0) AND integration_id = $3',
      order: 'position',
      values: [integration_id],
    };
  if (second === undefined)
    return {
      where: `hashtextextended(resource_id, 0) = hashtextextended($4, 0) AND resource_id = $4
        AND resource_type = $5 AND integration_id = $3`,
      order: 'position',
      values: [integration_id, first.resource_id, first.type],
    };
  return {
    where: `hashtextextended(resource_id, 0) = ANY (ARRAY(SELECT hashtextextended(r, 0) FROM unnest($4::text[]) r))
      AND (resource_id, resource_type) IN (SELECT * FROM unnest($4::text[], $5::text[]))
      AND integration_id = $3`,
    order: 'position + 0',
    values: [
      integration_id,
      resources!.map(({ resource_id }) => resource_id),
      resources!.map(({ type }) => type),
    ],
  };
}

/**
 * Up to `limit` resources that an integration had events of up to a position, after `after`, in the order of type
 * and id; of one type or one id, where they are given.
 */
export async function readResourceKeys(
  db: pg.Pool | pg.ClientBase,
  { integration_id, type, resource_id }: { integration_id: string } & Partial<ResourceKey>,
  through: number,
  { after, limit }: { after?: ResourceKey | undefined; limit: number },
): Promise<ResourceKey[]> {
  const { rows } = await db.query(
    `SELECT resource_type AS type, resource_id FROM event_log
     WHERE hashtextextended(integration_id, 0) = hashtextextended($1, 0) AND integration_id = $1 AND position <= $2
       AND resource_type IS NOT NULL AND resource_id IS NOT NULL
       AND ($3::text IS NULL OR resource_type = $3)
       AND ($4::text IS NULL OR resource_id = $4)
       AND ($5::text IS NULL OR (resource_type, resource_id) > ($5, $6))
     GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $7`,
    [
      integration_id,
      through,
      type ?? null,
      resource_id ?? null,
      after?.type ?? null,
      after?.resource_id ?? null,
      limit,
    ],
  );
  return rows;
}

/** The position up to which the log had been received at a time (RFC 3339); see `position_at`. */
export async function readPositionAt(db: pg.Pool | pg.ClientBase, instant: string): Promise<number> {
  const { rows } = await db.query('SELECT position_at($1::timestamptz) AS position', [instant]);
  return rows[0].position;
}
