import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import type { PositionWatch } from './positions.js';

/** What the routes stand on. The two databases may be one; no statement joins them. */
export interface QueryDeps {
  /** The log's database. */
  log: pg.Pool;
  /** The read models' database. */
  read: pg.Pool;
  /** Positions of the read models. */
  models: PositionWatch;
  /** Position of the log, under the name `log`. */
  head: PositionWatch;
  /** Events that a filter without an index looks through at once. Default 200,000. */
  windowEvents?: number;
  /** A live stream that had nothing to send for so long, in milliseconds, says how far it is. Default 15,000. */
  beatMs?: number;
}

/** Waits until the read models have `min_position`, where one is asked for; of an integration (its stored id), or all. */
export async function awaitModels(
  { models }: QueryDeps,
  projections: readonly Projection[],
  query: { min_position?: number; wait_ms: number },
  integrationId?: string,
): Promise<void> {
  if (query.min_position === undefined) return;
  const names = projections.map(({ name, version }) => `${name}_v${version}`);
  const wait = { models: names, integrationId, position: query.min_position, timeoutMs: query.wait_ms };
  await models.waitFor(wait);
}

/** Waits until the log has `min_position`, where one is asked for. */
export async function awaitHead(
  { head }: QueryDeps,
  query: { min_position?: number; wait_ms: number },
): Promise<void> {
  if (query.min_position === undefined) return;
  await head.waitFor({ models: ['log'], position: query.min_position, timeoutMs: query.wait_ms });
}
