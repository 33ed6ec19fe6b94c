// A database with a filled log and live read models, and rebuilds of them.

import type pg from 'pg';
import pino from 'pino';
import type { Test } from 'tap';
import type { Projection } from '../../projections/contract.js';
import { PROJECTIONS } from '../../projections/index.js';
import type { Pools } from '../../src/projector/pools.js';
import { createLocalLoader, type LocalLoaderOptions } from '../../src/projector/rebuild/local-loader.js';
import { type RebuildOptions, rebuild } from '../../src/projector/rebuild/rebuild.js';
import { createRunReader } from '../../src/projector/run-reader.js';
import { fillLog, fixtureBodies } from '../support/fill-log.js';
import { fillReadModels } from '../support/fill-read-models.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/** Rebuilds projections (default: all) with a small memory, so that rows are written many times. */
export type Rebuild = (
  projections?: readonly Projection[],
  options?: Partial<RebuildOptions> &
    Partial<Pick<LocalLoaderOptions, 'memoryBytes' | 'pageEvents' | 'writeEveryMs' | 'mostParkedKeys'>>,
) => ReturnType<typeof rebuild>;

export interface RebuildingDatabase extends TestDatabase {
  head: number;
  pools: Pools;
  rebuild: Rebuild;
  /** The rows of a view, as text, in the order of their key. */
  rows(view: string): Promise<string[]>;
}

export async function createRebuildingDatabase(
  t: Pick<Test, 'teardown'>,
  bodies: readonly (string | object)[] = fixtureBodies(),
  given?: TestDatabase,
): Promise<RebuildingDatabase> {
  const database = given ?? (await createTestDatabase(t));
  const { pool } = database;
  const head = await fillLog(pool, bodies);
  await fillReadModels({ log: pool });
  return {
    ...database,
    head,
    pools: { logPool: pool, readPool: pool },
    rebuild: rebuildIn(pool),
    async rows(view) {
      const { rows } = await pool.query(`SELECT r::text AS row FROM read_model."${view}" r ORDER BY 1`);
      return rows.map(({ row }) => row);
    },
  };
}

/** Rebuilds in a database that has the log and the read models. */
export function rebuildIn(pool: pg.Pool): Rebuild {
  const stores = { logPool: pool, readPool: pool };
  return (
    projections = PROJECTIONS,
    { memoryBytes = 200_000, pageEvents = 500, writeEveryMs, mostParkedKeys, ...options } = {},
  ) =>
    rebuild(projections, {
      ...stores,
      logger: pino({ level: 'silent' }),
      workers: 1,
      load: createLocalLoader({
        ...stores,
        readRun: createRunReader(pool),
        memoryBytes,
        pageEvents,
        writeEveryMs,
        mostParkedKeys,
      }),
      sampleSize: 5,
      dryRun: false,
      acceptDrift: false,
      ...options,
    });
}
