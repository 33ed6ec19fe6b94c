// Time travel: the rows of a projection as they were at a position, by the projection's own fold over the events of
// their keys, read from the log. Any projection whose keys lie within an integration has it.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { type Change, createFold, type Fold } from '../../projections/fold.js';
import { isKeyedByResource, keyId } from '../../projections/key.js';
import { readEvent } from '../../projections/read-event.js';
import type { LoggedEvent } from '../../schemas/logged-event.js';
import { Problem } from '../http/problem.js';
import { type History, readPositionAt } from '../log/read-history.js';
import { readHead } from '../log/read-log.js';
import { asServed } from '../read-models/as-served.js';
import type { FoldDeps } from './deps.js';
import { readHistoryInTime } from './history-in-time.js';
import { readInstant } from './instant.js';
import { parkedAt } from './parked.js';
import { isVisible, type Scope } from './scope.js';

/**
 * The position that `as_of` names: itself, or what the log had received at that time; the log's head where none is
 * given. Throws a problem (400), which calls it `name`, for what is neither, and for what the log does not know yet.
 */
export async function resolveAsOf(
  log: pg.Pool,
  { as_of, min_position }: { as_of?: string; min_position?: number },
  name = 'as_of',
): Promise<number> {
  const head = await readHead(log);
  if (as_of === undefined) return head;
  if (min_position !== undefined)
    throw new Problem(400, 'invalid-request', `${name}, min_position: expected one of the two`);
  if (!/^\d{1,16}$/.test(as_of)) return resolveTime(log, as_of, name);
  const position = Number(as_of);
  if (position <= head) return position;
  throw new Problem(400, 'beyond-head', `${name}: the log ends at ${head}, found ${position}`, {
    'hookfold-position': String(head),
  });
}

async function resolveTime(log: pg.Pool, asOf: string, name: string): Promise<number> {
  const instant = readInstant(name, asOf);
  if (Date.parse(instant) <= Date.now()) return readPositionAt(log, instant);
  throw new Problem(400, 'beyond-head', `${name}: expected a time that has passed, found ${instant}`);
}

/**
 * The position that bounds a list: itself, or what the log had received at that time. `after` is the position behind which it
 * begins, `before` the one that it ends before. Throws a problem (400), which calls it `name`, for what is neither.
 */
export async function readBound(log: pg.Pool, name: 'after' | 'before', text: string): Promise<number> {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const position = await readPositionAt(log, readInstant(name, text));
  return name === 'after' ? position : position + 1;
}

export interface FoldLimits {
  /** By when it has to be done, as `performance.now()` tells it; default: `answerUntil`. */
  until?: number | undefined;
  /** The fold ends at the first row that this scope may not see; default: it sees all. */
  scope?: Scope;
  /** Given each change of a row; false ends the fold. */
  onChange?(event: LoggedEvent, change: Change): boolean;
}

/**
 * Folds a history up to a position into each of the projections, as they are served; one reading of the log for all.
 * Throws a problem (503) where that takes too long, and where an event is one that is parked, or would be.
 */
export async function foldHistory(
  deps: FoldDeps,
  projections: readonly Projection[],
  history: History,
  through: number,
  { until, scope = 'all', onChange }: FoldLimits = {},
): Promise<Fold[]> {
  const served = projections.map((projection) =>
    asServed(deps.read, projection, keysOf(projection, history)),
  );
  const folds = (await Promise.all(served)).map((projection) => createFold(projection));
  for await (const events of readHistoryInTime(deps, history, through, until))
    for (const event of events) {
      const reading = readEvent(event);
      for (const { add, folded } of folds) {
        const change = add(event, reading);
        if (change?.after && !isVisible(scope, change.after)) return folds;
        if (change && onChange?.(event, change) === false) return folds;
        if (folded.parked.length === 0) continue;
        // What is foreign is not there, be it that its first event was parked.
        if (folded.rows.size === 0 && !isVisible(scope, event)) return folds;
        throw parkedAt(event.position);
      }
    }
  return folds;
}

// The keys of a history's rows, where they can be told.
function keysOf(projection: Projection, { integration_id, resources }: History): string[] | undefined {
  if (projection.keyColumns.join() === 'integration_id') return [keyId([integration_id])];
  if (!isKeyedByResource(projection)) return undefined;
  return resources?.map(({ type, resource_id }) => keyId([integration_id, type, resource_id]));
}

/**
 * The rows of an integration, one of each projection, at a position, as far as the scope may see them. A row's
 * workspace is that of its first event, so of a foreign integration no more is folded than that.
 */
export async function readIntegrationAt(
  deps: FoldDeps,
  projections: readonly Projection[],
  integrationId: string,
  { position, scope, until }: { position: number; scope: Scope; until?: number },
): Promise<(AnyRow | undefined)[]> {
  const history = { integration_id: integrationId };
  const folds = await foldHistory(deps, projections, history, position, { until, scope });
  const rows = folds.map(({ folded }) => folded.rows.get(keyId([integrationId])));
  return rows.map((row) => (row && isVisible(scope, row) ? row : undefined));
}
