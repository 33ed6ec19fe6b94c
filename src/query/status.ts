// The state of the log and of every read model behind it.
import type pg from 'pg';
import { readHead } from '../log/read-log.js';
import { type ProjectionProgress, readProgress } from '../read-models/progress.js';
import type { Databases } from './deps.js';

export interface Status {
  /** Position of the last event. */
  head: number;
  projections: ProjectionProgress[];
  /** Sources that may send. */
  sources: SourceStatus[];
  /** Rejected requests that are kept and were not released, by reason. */
  rejected: Record<string, number>;
}

export interface SourceStatus {
  name: string;
  /** False where nothing is asked of its requests. */
  verified: boolean;
  last_used_at: string | null;
}

/** Reads it all; each part as it was when it was read. */
export async function readStatus({ log, read }: Databases): Promise<Status> {
  const [projections, sources, rejected] = await Promise.all([
    readProgress(log, read),
    readSourceStatus(log),
    countRejected(log),
  ]);
  return { head: await readHead(log), projections, sources, rejected };
}

async function readSourceStatus(log: pg.Pool): Promise<SourceStatus[]> {
  const { rows } = await log.query(
    `SELECT s.name, NOT coalesce((s.rules->>'unverified')::boolean, false) AS verified,
       (SELECT max(last_used_at) FROM source_secret x WHERE x.source = s.name) AS last_used_at
     FROM source s WHERE s.revoked_at IS NULL ORDER BY s.name`,
  );
  return rows;
}

async function countRejected(log: pg.Pool): Promise<Record<string, number>> {
  const { rows } = await log.query(
    'SELECT reason, count(*) AS count FROM rejected_webhook WHERE released_at IS NULL GROUP BY reason ORDER BY reason',
  );
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
}
