// What was rejected at the door: kept, listed, shown, dropped. (Release is the door's own: it passes through;
// pruning is in prune-rejected.ts.)
import type pg from 'pg';
import type { RejectedReason } from '../../schemas/http-ingest.js';
import { storableText } from '../../schemas/text.js';

export interface NewRejected {
  source: string;
  reason: RejectedReason;
  detail: string;
  delivery_id: string | null;
  /** JSON text of the headers that are kept. */
  headers: string;
  /** The bytes as received, or their first part. */
  body: Buffer;
  /** Bytes received. */
  body_length: number;
}

/** A rejected request without its bytes. */
export interface Rejected {
  id: number;
  rejected_at: string;
  source: string;
  reason: RejectedReason;
  detail: string;
  delivery_id: string | null;
  headers: Record<string, string>;
  body_length: number;
  /** Bytes that were kept; fewer than `body_length` where it was too large. */
  kept_length: number;
  released_at: string | null;
  released_position: number | null;
}

const COLUMNS = `id, rejected_at, source, reason, detail, delivery_id, headers, body_length,
  octet_length(body) AS kept_length, released_at, released_position`;

/** Keeps rejected requests, all or none. */
export async function keepRejected(
  db: pg.Pool | pg.ClientBase,
  rejected: readonly NewRejected[],
): Promise<void> {
  const rows = rejected.map((_, index) => {
    const at = index * 7;
    return `($${at + 1}, $${at + 2}, $${at + 3}, $${at + 4}, $${at + 5}, $${at + 6}, $${at + 7})`;
  });
  await db.query(
    `INSERT INTO rejected_webhook (source, reason, detail, delivery_id, headers, body, body_length)
     VALUES ${rows.join(', ')}`,
    rejected.flatMap((one) => [
      one.source,
      one.reason,
      one.detail,
      one.delivery_id,
      one.headers,
      one.body,
      one.body_length,
    ]),
  );
}

export interface RejectedFilter {
  source?: string;
  reason?: string;
  /** Only those below this id: the next page. */
  before?: number;
  /** Also those that were released; default false. */
  released?: boolean;
  /** Default 100. */
  limit?: number;
}

/** Rejected requests, newest first. */
export async function listRejected(pool: pg.Pool, filter: RejectedFilter = {}): Promise<Rejected[]> {
  const { rows } = await pool.query(
    `SELECT ${COLUMNS} FROM rejected_webhook
     WHERE ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR reason = $2)
       AND ($3::bigint IS NULL OR id < $3) AND ($4 OR released_at IS NULL)
     ORDER BY id DESC LIMIT $5`,
    [
      filter.source === undefined ? null : storableText(filter.source),
      filter.reason ?? null,
      filter.before ?? null,
      filter.released ?? false,
      filter.limit ?? 100,
    ],
  );
  return rows;
}

/**
 * The ids of those that were kept by now and not released, oldest first. Read a page at a time, each when it is asked
 * for: what is released on the way is not given again.
 */
export async function* walkRejected(
  pool: pg.Pool,
  filter: Pick<RejectedFilter, 'source' | 'reason'> = {},
  pageRows = 1000,
): AsyncGenerator<number> {
  const newest = await pool.query('SELECT max(id) AS id FROM rejected_webhook');
  let after = 0;
  for (;;) {
    const { rows } = await pool.query<{ id: number }>(
      `SELECT id FROM rejected_webhook
       WHERE id > $1 AND id <= $2 AND released_at IS NULL
         AND ($3::text IS NULL OR source = $3) AND ($4::text IS NULL OR reason = $4)
       ORDER BY id LIMIT $5`,
      [after, newest.rows[0].id, filter.source ?? null, filter.reason ?? null, pageRows],
    );
    for (const { id } of rows) yield id;
    if (rows.length < pageRows) return;
    after = rows.at(-1)!.id;
  }
}

/** One rejected request with the bytes that were kept. */
export async function readRejected(
  db: pg.Pool | pg.ClientBase,
  id: number,
): Promise<(Rejected & { body: Buffer }) | undefined> {
  const { rows } = await db.query(`SELECT ${COLUMNS}, body FROM rejected_webhook WHERE id = $1`, [id]);
  return rows[0];
}

/** Removes rejected requests; answers the ids that were there. */
export async function dropRejected(pool: pg.Pool, ids: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query(
    'DELETE FROM rejected_webhook WHERE id = ANY($1::bigint[]) RETURNING id',
    [ids],
  );
  return rows.map(({ id }) => id);
}
