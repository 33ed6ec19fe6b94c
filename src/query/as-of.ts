// Time travel: the rows of a projection as they were at a position, by the projection's own fold over the events of
// their keys, read from the log. Any projection whose keys lie within an integration has it.
import type pg from 'pg';
import type { AnyRow, Projection } from '../../projections/contract.js';
import { createFold, type Fold, keyId } from '../../projections/fold.js';
import { readEvent } from '../../projections/read-event.js';
import { Problem } from '../http/problem.js';
import { type History, readPositionAt } from '../log/read-history.js';
import { readHead } from '../log/read-log.js';
import { readHistoryInTime } from './history-in-time.js';
import { readInstant } from './instant.js';
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
}

/**
 * Folds a history up to a position into each of the projections; one reading of the log for all. Throws a problem
 * (503) where that takes too long.
 */
export async function foldHistory(
  log: pg.Pool,
  projections: readonly Projection[],
  history: History,
  through: number,
  { until, scope = 'all' }: FoldLimits = {},
): Promise<Fold[]> {
  const folds = projections.map((projection) => createFold(projection));
  for await (const events of readHistoryInTime(log, history, through, until))
    for (const event of events) {
      const reading = readEvent(event);
      for (const fold of folds) {
        const change = fold.add(event, reading);
        if (change?.after && !isVisible(scope, change.after)) return folds;
      }
    }
  return folds;
}

/**
 * The rows of an integration, one of each projection, at a position, as far as the scope may see them. A row's
 * workspace is that of its first event, so of a foreign integration no more is folded than that.
 */
export async function readIntegrationAt(
  log: pg.Pool,
  projections: readonly Projection[],
  integrationId: string,
  { position, scope, until }: { position: number; scope: Scope; until?: number },
): Promise<(AnyRow | undefined)[]> {
  const history = { integration_id: integrationId };
  const folds = await foldHistory(log, projections, history, position, { until, scope });
  const rows = folds.map(({ folded }) => folded.rows.get(keyId([integrationId])));
  return rows.map((row) => (row && isVisible(scope, row) ? row : undefined));
}
