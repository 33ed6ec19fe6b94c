// Tells in the database how far a rebuild is, for `hookfold status` and /v1/projections.
import type pg from 'pg';
import type { Build } from '../../read-models/build.js';
import type { RebuildProgressReport } from './rebuild.js';

type ToldProgress = Pick<RebuildProgressReport, 'position' | 'rate'>;

export interface ProgressTelling {
  /** Notes how far it is; costs nothing. */
  note(progress: ToldProgress): void;
  /** Tells nothing any more, and takes back what was told. */
  end(): Promise<void>;
}

const EVERY_MS = 1000;

/** Tells every second until it is ended: what is older is a killed one's. A fault keeps no rebuild from going on. */
export function tellProgress(pool: pg.Pool, builds: readonly Build[]): ProgressTelling {
  const ids = builds.map(({ build_id }) => build_id);
  let latest: ToldProgress | undefined;
  let telling: Promise<void> | undefined;

  async function tell({ position, rate }: ToldProgress): Promise<void> {
    // Another process may have dropped one of them.
    await pool.query(
      `INSERT INTO projector.rebuild_progress AS told (build_id, position, events_per_second)
       SELECT build_id, $2, $3 FROM projector.build WHERE build_id = ANY ($1)
       ON CONFLICT (build_id) DO UPDATE SET position = $2, events_per_second = $3, told_at = now()`,
      [ids, position, rate ?? null],
    );
  }
  const timer = setInterval(() => {
    if (!latest || telling) return;
    telling = tell(latest)
      .catch(() => {})
      .finally(() => {
        telling = undefined;
      });
  }, EVERY_MS);

  async function end(): Promise<void> {
    clearInterval(timer);
    await telling;
    await pool
      .query('DELETE FROM projector.rebuild_progress WHERE build_id = ANY ($1)', [ids])
      .catch(() => {});
  }
  return {
    note: (progress) => {
      latest = progress;
    },
    end,
  };
}
