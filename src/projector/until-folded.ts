import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { readHead } from '../log/read-log.js';
import type { Place } from '../read-models/checkpoint.js';
import { AnotherLog, findMismatches } from '../read-models/same-log.js';
import type { Projector } from './projector.js';

export interface UntilFoldedOptions {
  projector: Pick<Projector, 'untilHead'>;
  logPool: pg.Pool;
  readPool: pg.Pool;
  projections: readonly Projection[];
  /** Why newer versions are not served, where waiting does not bring them there. */
  rebuildFault(): Error | undefined;
  logger: Pick<FastifyBaseLogger, 'warn'>;
}

// A version that is older than the one served, or that was taken back by hand, is not waited for: nobody folds it.
const UNFINISHED = `
  SELECT 1 FROM unnest($1::text[], $2::int[]) AS p(projection, version)
  LEFT JOIN projector.served s USING (projection)
  LEFT JOIN projector.build shown ON shown.build_id = s.build_id
  LEFT JOIN projector.build b ON b.projection = p.projection AND b.version = p.version AND b.state = 'live'
  WHERE CASE WHEN b.build_id IS NULL THEN shown.build_id IS NULL OR (shown.version < p.version AND NOT s.pinned)
    ELSE EXISTS (SELECT 1 FROM projector.checkpoint c WHERE c.build_id = b.build_id AND c.position < $3) END
  LIMIT 1`;

const PLACES = `
  SELECT b.projection, c.position, c.event_id FROM unnest($1::text[], $2::int[]) AS p(projection, version)
  JOIN projector.build b ON b.projection = p.projection AND b.version = p.version AND b.state = 'live'
  JOIN projector.checkpoint c USING (build_id)`;

/**
 * Resolves when every projection, by whichever process it is folded, has reached the head that the log had at the
 * call. Rejects, with what to do, where one was folded from another log, has a table that is gone, or is of a version that
 * is not swapped in by itself. Other faults of the databases are told and waited out.
 */
export async function untilFolded(options: UntilFoldedOptions): Promise<void> {
  const { projector, readPool, projections, logger } = options;
  const versions = [projections.map(({ name }) => name), projections.map(({ version }) => version)];
  let head: number | undefined;

  async function areFolded(): Promise<boolean> {
    head ??= await readHead(options.logPool);
    await assertSameLogs(options, versions);
    return (await readPool.query(UNFINISHED, [...versions, head])).rowCount === 0;
  }

  for (;;) {
    await projector.untilHead();
    try {
      if (await areFolded()) return;
    } catch (error) {
      if (error instanceof AnotherLog) throw error;
      logger.warn({ err: error }, 'the head cannot be compared; trying again');
    }
    const fault = options.rebuildFault();
    if (fault) throw fault;
  }
}

// Those that are folded here were compared; of one that another process folds it is not known.
async function assertSameLogs({ logPool, readPool }: UntilFoldedOptions, versions: unknown[]): Promise<void> {
  const { rows } = await readPool.query<Place & { projection: string }>(PLACES, versions);
  const [mismatch] = await findMismatches(logPool, rows);
  if (mismatch) throw new AnotherLog(mismatch.checkpoint.projection, mismatch);
}
