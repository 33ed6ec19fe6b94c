// Resources of an integration as they were at a position: whose keys come next is read from the log's columns, and
// only the events of those are folded.
import type pg from 'pg';
import type { AnyRow } from '../../projections/contract.js';
import { keyId } from '../../projections/fold.js';
import { resource } from '../../projections/resource/projection.js';
import { type ResourceKey, readResourceKeys } from '../log/read-history.js';
import { rowToJson, shownColumns } from '../read-models/columns.js';
import { type FoldLimits, foldHistory } from './as-of.js';
import { fromCursor, toCursor } from './cursor.js';
import type { FoldDeps } from './deps.js';
import { ANSWER_WITHIN_MS, answerUntil } from './history-in-time.js';
import { PAGE_BYTES } from './read-page.js';
import { isVisible, type Scope } from './scope.js';

export interface ResourcesAtRequest {
  integration_id: string;
  type?: string;
  resource_id?: string;
  /** Of the rows that were folded, those to answer. */
  wanted(row: AnyRow): boolean;
  position: number;
  scope: Scope;
  limit: number;
  cursor?: string | undefined;
}

const COLUMNS = shownColumns(resource);
const LIST = 'resource-at';
/** Keys looked at for one page: where few rows are wanted a page is short, and its cursor goes on. */
const KEYS = 1000;
/** Rows in memory at once. */
const BATCH = 50;

/** A page of rows; it may be shorter than `limit`, or empty, and yet have a cursor. */
export async function readResourcesAt(deps: FoldDeps, request: ResourcesAtRequest) {
  const { position, limit } = request;
  const until = answerUntil();
  const keys = await readKeys(deps.log, request);
  const items: string[] = [];
  let bytes = 0;
  let done = 0;
  // No batch is begun late, so that those before it are answered, and not given up with it.
  const isLate = () => done > 0 && performance.now() > until - ANSWER_WITHIN_MS / 2;
  const isFull = () => items.length >= limit || bytes >= PAGE_BYTES || isLate();
  while (done < Math.min(keys.length, KEYS) && !isFull()) {
    const batch = keys.slice(done, Math.min(done + BATCH, done + limit - items.length, KEYS));
    for (const row of await readBatch(deps, request, batch, { until })) {
      items.push(rowToJson(COLUMNS, row));
      bytes += items.at(-1)!.length;
    }
    done += batch.length;
  }
  const last = keys[done - 1];
  const more = done < keys.length && last !== undefined;
  return { position, items, nextCursor: more ? toCursor(LIST, [last.type, last.resource_id]) : null };
}

/** One resource at a position, if it was there and may be seen. */
export async function readResourceAt(
  deps: FoldDeps,
  { integration_id, ...key }: ResourceKey & { integration_id: string },
  { position, scope }: { position: number; scope: Scope },
): Promise<string | undefined> {
  const request = { integration_id, position, scope, wanted: () => true };
  const [row] = await readBatch(deps, request, [key], { scope });
  return row && rowToJson(COLUMNS, row);
}

// A cursor tells a key, so only those are looked at that the scope sees events of. A row's workspace is that of its
// first event: none that may be seen is passed over.
function readKeys(log: pg.Pool, request: ResourcesAtRequest): Promise<ResourceKey[]> {
  const { position, scope, cursor } = request;
  const filter = scope === 'all' ? request : { ...request, workspaces: scope };
  const after = cursor === undefined ? undefined : fromKey(cursor);
  return readResourceKeys(log, filter, position, { after, limit: KEYS + 1 });
}

async function readBatch(
  deps: FoldDeps,
  {
    integration_id,
    position,
    scope,
    wanted,
  }: Pick<ResourcesAtRequest, 'integration_id' | 'position' | 'scope' | 'wanted'>,
  batch: readonly ResourceKey[],
  limits: FoldLimits,
): Promise<AnyRow[]> {
  const [fold] = await foldHistory(deps, [resource], { integration_id, resources: batch }, position, limits);
  return batch
    .map(({ type, resource_id }) => fold!.folded.rows.get(keyId([integration_id, type, resource_id])))
    .filter((row): row is AnyRow => row !== undefined && isVisible(scope, row) && wanted(row));
}

function fromKey(cursor: string): ResourceKey {
  const [type, resource_id] = fromCursor(LIST, ['text', 'text'], cursor);
  return { type: type ?? '', resource_id: resource_id ?? '' };
}
