// How far the live read models are, and waiting until they are far enough.
import { sql } from 'kysely';
import type pg from 'pg';
import type { Key, Projection } from '../../projections/contract.js';
import { keyId } from '../../projections/key.js';
import { Problem, unavailable } from '../http/problem.js';
import { createPause } from '../pause.js';
import { hashOfIntegration, segmentOfIntegration } from '../read-models/segment.js';
import { parkedRows, type Sql, scoped } from './scope.js';
import { notBuilt } from './statement.js';

/**
 * Selects the position of read models: that of the one farthest behind, of its segments the one farthest behind. For
 * an answer within an integration (its stored id) its own segment counts alone.
 */
export function positionOf(projections: readonly Projection[], integrationId?: string): Sql {
  const own = integrationId === undefined ? sql`true` : isSegmentOf(integrationId);
  return sql`SELECT min(c.position) FROM projector.build b JOIN projector.checkpoint c USING (build_id)
    WHERE b.state = 'live' AND (b.projection, b.version) IN (${versionsOf(projections)}) AND ${own}`;
}

/**
 * Selects the first position that could not be folded into the rows of a key, of any of these projections. For whom does
 * not matter: it is asked behind a row that may be seen.
 */
export function parkedOf(projections: readonly Projection[], key: Key): Sql {
  const id = sql`${keyId(key)}::text`;
  return sql`SELECT min(p.position) FROM ${scoped('all', parkedRows(projections), 'p')}
    WHERE hashtextextended(p.key_id, 0) = hashtextextended(${id}, 0) AND p.key_id = ${id}`;
}

const versionsOf = (projections: readonly Projection[]) =>
  sql.join(projections.map(({ name, version }) => sql`(${name}, ${version}::int)`));

const isSegmentOf = (integrationId: string) =>
  sql`c.segment = ${hashOfIntegration(integrationId)}::bigint % b.segments`;

/** Selects the position of the log. */
export const HEAD: Sql = sql`SELECT position FROM log_head`;

/** Positions by name: one, or of each segment. */
export type Positions = ReadonlyMap<string, readonly number[]>;

/** The name of a read model in the version of this code. */
export const modelOf = ({ name, version }: Projection): string => `${name}_v${version}`;

/** Positions of the live builds' segments, by model. */
export async function readModelPositions(read: pg.Pool): Promise<Positions> {
  const { rows } = await read.query(
    `SELECT b.projection || '_v' || b.version AS model, json_agg(c.position ORDER BY c.segment) AS positions
     FROM projector.build b JOIN projector.checkpoint c USING (build_id) WHERE b.state = 'live' GROUP BY 1`,
  );
  return new Map(rows.map(({ model, positions }) => [model, positions]));
}

export interface Wait {
  /** What has to be there: names of `read`'s answer. */
  models: readonly string[];
  /** Only of the segment of this integration (its stored id). Default: of all. */
  integrationId?: string | undefined;
  position: number;
  timeoutMs: number;
  /** Ends the wait early, at the next look. */
  signal?: AbortSignal;
}

interface Waiter extends Wait {
  until: number;
  resolve(): void;
  reject(error: unknown): void;
}

export interface PositionWatch {
  /**
   * Resolves once all models are at the position or beyond, or the signal is aborted. Throws a problem when that takes too
   * long (504; 503 where a model is not even built then), and when the watch ends (503).
   */
  waitFor(wait: Wait): Promise<void>;
  /** There is news: look at once, and often for a while. */
  wake(): void;
  /** Ends all waits, those to come as well: the process stops. */
  end(): void;
}

/** What is answered to whom a stopping process cannot serve any more. */
export const stopping = () => unavailable('stopping', 'this process stops; ask again', 1);

/** A projector is milliseconds behind an event: short steps at first, or after a ring, then patience. */
const STEPS_MS = { soon: 4, late: 25, lateAfter: 250 };

/** Waits on positions with one poll for all waiters, which runs only while there are any. */
export function createPositionWatch(read: () => Promise<Positions>): PositionWatch {
  const waiters = new Set<Waiter>();
  const pause = createPause();
  let running = false;
  let hasEnded = false;
  let newsAt = 0;

  async function poll(): Promise<void> {
    while (waiters.size > 0) {
      try {
        settle(waiters, await read());
      } catch (error) {
        rejectAll(error);
      }
      if (waiters.size === 0) break;
      await pause.for(Date.now() - newsAt > STEPS_MS.lateAfter ? STEPS_MS.late : STEPS_MS.soon);
    }
    running = false;
  }

  function wake(): void {
    newsAt = Date.now();
    pause.end();
  }

  function rejectAll(error: unknown): void {
    for (const waiter of waiters) waiter.reject(error);
    waiters.clear();
  }

  function end(): void {
    hasEnded = true;
    rejectAll(stopping());
    pause.end();
  }

  function waitFor(wait: Wait): Promise<void> {
    if (hasEnded) return Promise.reject(stopping());
    newsAt = Date.now();
    return new Promise((resolve, reject) => {
      waiters.add({ ...wait, until: newsAt + wait.timeoutMs, resolve, reject });
      if (running) return;
      running = true;
      void poll();
    });
  }
  return { waitFor, wake, end };
}

function settle(waiters: Set<Waiter>, positions: Positions): void {
  const now = Date.now();
  for (const waiter of waiters) {
    const missing = behindOf(waiter, positions);
    const isEnded = !missing || waiter.signal?.aborted === true;
    if (!isEnded && now < waiter.until) continue;
    waiters.delete(waiter);
    if (isEnded) waiter.resolve();
    else waiter.reject(missing());
  }
}

/** What to answer to whom a wait has not brought there; undefined where all models are. */
function behindOf(wait: Wait, positions: Positions): (() => Problem) | undefined {
  for (const model of wait.models) {
    const segments = positions.get(model);
    if (!segments) return notBuilt;
    const at = reachedBy(wait, segments);
    if (at < wait.position) return () => tooFarBehind(wait, model, at);
  }
  return undefined;
}

function reachedBy({ integrationId }: Wait, segments: readonly number[]): number {
  if (integrationId === undefined) return Math.min(...segments);
  return segments[segmentOfIntegration(integrationId, segments.length)]!;
}

function tooFarBehind({ position, timeoutMs }: Wait, model: string, at: number): Problem {
  return new Problem(
    504,
    'position-not-reached',
    `waited ${timeoutMs} ms for position ${position}, ${model} is at ${at}. Ask again, with a longer wait_ms, or without min_position.`,
    { 'hookfold-position': String(at) },
  );
}
