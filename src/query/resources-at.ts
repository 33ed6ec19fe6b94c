// Resources of an integration as they were at a position: whose keys come next is read from the log's columns, and
// only the events of those are folded.
import type pg from 'pg';
import type { AnyRow } from '../../projections/contract.js';
import { keyId } from '../../projections/fold.js';
import { resource } from '../../projections/resource/projection.js';
import { type ResourceKey, readResourceKeys } from '../log/read-history.js';
import { rowToJson, shownColumns } from '../read-models/columns.js';
import { foldHistory } from './as-of.js';
import { fromCursor, toCursor } from './cursor.js';
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
const PAGE_BYTES = 8 * 1024 * 1024;

/** A page of rows; it may be shorter than `limit`, or empty, and yet have a cursor. */
export async function readResourcesAt(log: pg.Pool, request: ResourcesAtRequest) {
  const { integration_id, position, limit, scope } = request;
  const after = request.cursor === undefined ? undefined : fromKey(request.cursor);
  // A cursor tells a key, so only those are looked at that the scope sees events of. A row's workspace is that of its
  // first event: none that may be seen is passed over.
  const filter = scope === 'all' ? request : { ...request, workspaces: scope };
  const keys = await readResourceKeys(log, filter, position, { after, limit: KEYS + 1 });
  const items: string[] = [];
  let done = 0;
  for (let bytes = 0; done < Math.min(keys.length, KEYS) && items.length < limit && bytes < PAGE_BYTES; ) {
    const batch = keys.slice(done, Math.min(done + BATCH, done + limit - items.length, KEYS));
    for (const row of await readBatch(log, request, { integration_id, batch })) {
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
  log: pg.Pool,
  { integration_id, ...key }: ResourceKey & { integration_id: string },
  { position, scope }: { position: number; scope: Scope },
): Promise<string | undefined> {
  const request = { position, scope, wanted: () => true };
  const [row] = await readBatch(log, request, { integration_id, batch: [key] });
  return row && rowToJson(COLUMNS, row);
}

async function readBatch(
  log: pg.Pool,
  { position, scope, wanted }: Pick<ResourcesAtRequest, 'position' | 'scope' | 'wanted'>,
  { integration_id, batch }: { integration_id: string; batch: readonly ResourceKey[] },
): Promise<AnyRow[]> {
  const [fold] = await foldHistory(log, [resource], { integration_id, resources: batch }, position);
  return batch
    .map(({ type, resource_id }) => fold!.folded.rows.get(keyId([integration_id, type, resource_id])))
    .filter((row): row is AnyRow => row !== undefined && isVisible(scope, row) && wanted(row));
}

function fromKey(cursor: string): ResourceKey {
  const [type, resource_id] = fromCursor(LIST, ['text', 'text'], cursor);
  return { type: type ?? '', resource_id: resource_id ?? '' };
}
