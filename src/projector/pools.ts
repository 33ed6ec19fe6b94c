import type pg from 'pg';

/** The databases that the projector's work stands on; they may be one. */
export interface Pools {
  logPool: pg.Pool;
  readPool: pg.Pool;
}
