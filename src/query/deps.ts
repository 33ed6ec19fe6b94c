import type { FastifyReply } from 'fastify';
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { modelOf, type PositionWatch } from './positions.js';

/** Where the databases are. They may be one; no statement joins them. */
export interface Databases {
  /** The log's database. */
  log: pg.Pool;
  /** The read models' database. */
  read: pg.Pool;
}

/** What a fold for an answer stands on. */
export interface FoldDeps extends Databases {
  /** Whether nobody waits for the answer any more, or the process stops; asked between two pages. Default: never. */
  isGivenUp?(): boolean;
}

/** What the routes stand on. */
export interface QueryDeps extends FoldDeps {
  /** Positions of the read models. */
  models: PositionWatch;
  /** Position of the log, under the name `log`. */
  head: PositionWatch;
  /** Events that a filter without an index looks through at once. Default 200,000. */
  windowEvents?: number;
  /** A live stream that had nothing to send for so long, in milliseconds, says how far it is. Default 15,000. */
  beatMs?: number;
}

/** The same, for the answer to one request: given up when its asker goes, too. */
export function forAnswer(deps: QueryDeps, { raw }: FastifyReply): QueryDeps {
  return { ...deps, isGivenUp: () => raw.destroyed || deps.isGivenUp?.() === true };
}

/** Waits until the read models have `min_position`, where one is asked for; of an integration (its stored id), or all. */
export async function awaitModels(
  { models }: QueryDeps,
  projections: readonly Projection[],
  query: { min_position?: number; wait_ms: number },
  integrationId?: string,
): Promise<void> {
  if (query.min_position === undefined) return;
  const wait = {
    models: projections.map(modelOf),
    integrationId,
    position: query.min_position,
    timeoutMs: query.wait_ms,
  };
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
