// The state of the whole: the log's head, the bus beside it, every read model behind it.
import type pg from 'pg';
import { readHead } from '../log/read-log.js';
import { type ProjectionProgress, readProgress } from '../read-models/progress.js';
import type { BusStatus } from './bus-status.js';

export interface Status {
  /** Position of the last event. */
  head: number;
  bus: BusStatus;
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

/** Where the databases are, and how to ask the bus. */
export interface StatusSources {
  log: pg.Pool;
  read: pg.Pool;
  bus(): Promise<BusStatus>;
}

/** Reads it all; each part as it was when it was read. */
export async function readStatus({ log, read, bus }: StatusSources): Promise<Status> {
  const [busStatus, projections, sources, rejected] = await Promise.all([
    bus(),
    readProgress(log, read),
    readSourceStatus(log),
    countRejected(log),
  ]);
  return { head: await readHead(log), bus: busStatus, projections, sources, rejected };
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
