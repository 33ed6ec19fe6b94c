// How far every projection is, for people and for metrics.
import type pg from 'pg';
import { CheckpointsMissing } from './checkpoint.js';
import { AnotherLog, findMismatches } from './same-log.js';

export interface SegmentProgress {
  segment: number;
  position: number;
  /** Id of the event there; null where it is not known. */
  event_id: string | null;
}

export interface RebuildProgress {
  build_id: number;
  version: number;
  /** Whether a process is at work on it; else it was left behind. */
  running: boolean;
  /** Position up to which the new table is folded, in memory where it is running. */
  position: number;
  events_left: number;
  /** Events that it folds a second, and seconds that are left at this rate; null where it folds none now. */
  events_per_second: number | null;
  eta_seconds: number | null;
  /** Why it could not be finished when that was last tried, and what to do; null where nothing is known of it. */
  failure: string | null;
  started_at: string;
}

export interface ProjectionProgress {
  name: string;
  version: number;
  build_id: number;
  /** Every event up to it is in the read model. */
  position: number;
  lag_events: number;
  /** Age of the oldest event of the log that is not in it yet; 0 at the head. */
  lag_seconds: number;
  segments: SegmentProgress[];
  /** Why it cannot go on with this log, and what to do; null where it can. */
  fault: string | null;
  parked: number;
  unreadable: number;
  /** An earlier version was taken back by hand: newer ones are not rebuilt by themselves. */
  pinned: boolean;
  rebuild: RebuildProgress | null;
}

const PROGRESS = `
  SELECT b.projection AS name, b.version, b.build_id, s.pinned, b.segments AS expected,
    (SELECT coalesce(json_agg(json_build_object('segment', c.segment, 'position', c.position, 'event_id', c.event_id)
       ORDER BY c.segment), '[]')
     FROM projector.checkpoint c WHERE c.build_id = b.build_id) AS segments,
    (SELECT count(*) FROM projector.parked p WHERE p.build_id = b.build_id) AS parked,
    (SELECT count(*) FROM projector.unreadable u WHERE u.build_id = b.build_id) AS unreadable,
    (SELECT json_build_object('build_id', n.build_id, 'version', n.version, 'started_at', n.created_at,
       'running', projector.is_rebuilding(n.projection, n.version),
       'position', greatest(r.position,
         (SELECT min(c.position) FROM projector.checkpoint c WHERE c.build_id = n.build_id)),
       'events_per_second', r.events_per_second, 'failure', n.failure)
     FROM projector.build n LEFT JOIN projector.rebuild_progress r ON r.build_id = n.build_id
       AND r.told_at > now() - interval '10 seconds' AND projector.is_rebuilding(n.projection, n.version)
     WHERE n.projection = b.projection AND n.state = 'building'
     ORDER BY n.build_id DESC LIMIT 1) AS rebuild
  FROM projector.served s JOIN projector.build b USING (build_id)
  ORDER BY b.projection`;

/** The progress of every served projection, against the head of the log. */
export async function readProgress(logPool: pg.Pool, readPool: pg.Pool): Promise<ProjectionProgress[]> {
  const { rows } = await readPool.query(PROGRESS);
  const positions = rows.map(({ segments }) =>
    segments.length === 0 ? 0 : Math.min(...segments.map(({ position }: SegmentProgress) => position)),
  );
  const log = await logPool.query(
    `SELECT h.position AS head, at.position, later.position AS next,
       extract(epoch FROM now() - later.received_at)::float8 AS age
     FROM log_head h CROSS JOIN unnest($1::bigint[]) WITH ORDINALITY AS at(position, nth)
     LEFT JOIN LATERAL (SELECT e.position, e.received_at FROM event_log e WHERE e.position > at.position
       ORDER BY e.position LIMIT 1) later ON true
     ORDER BY at.nth`,
    [positions],
  );
  const segments: SegmentProgress[] = rows.flatMap((row) => row.segments);
  const mismatches = await findMismatches(logPool, segments);
  return rows.map(({ expected, ...row }, index) => {
    const { head, position, next, age } = log.rows[index];
    const rebuild = row.rebuild && withRest(row.rebuild, head);
    const lag_seconds = Math.max(0, Math.round((age ?? 0) * 1000) / 1000);
    const mismatch = mismatches.find(({ checkpoint }) => row.segments.includes(checkpoint));
    const isMissing = head > position && next !== position + 1;
    const fault =
      row.segments.length < expected
        ? new CheckpointsMissing({ projection: row.name, segments: expected }, row.segments.length).message
        : mismatch
          ? new AnotherLog(row.name, mismatch).message
          : isMissing
            ? missing(position + 1)
            : null;
    return { ...row, fault, position, lag_events: Math.max(0, head - position), lag_seconds, rebuild };
  });
}

function withRest(
  rebuild: Omit<RebuildProgress, 'events_left' | 'eta_seconds'>,
  head: number,
): RebuildProgress {
  const events_left = Math.max(0, head - rebuild.position);
  const rate = rebuild.events_per_second;
  return { ...rebuild, events_left, eta_seconds: rate ? Math.ceil(events_left / rate) : null };
}

const missing = (position: number) =>
  `the log has no event at position ${position}, which comes next: attach the partition that was detached`;
