// The rows that a fold holds in memory: read once, folded many times, written when asked. Two generations bound it:
// what was not touched since the last turn of generations is let go.
import type pg from 'pg';
import type { AnyRow, Key, Projection } from '../../projections/contract.js';
import { keyId } from '../../projections/key.js';
import { columnsOf } from '../read-models/columns.js';
import type { RowTable } from '../read-models/rows.js';

interface Entry {
  key: Key;
  row: AnyRow | undefined;
  /** Whether the table has a row of this key. */
  stored: boolean;
  dirty: boolean;
}

export interface RowStore {
  /** Reads the rows of keys that are not held. */
  load(client: pg.ClientBase | pg.Pool, keys: ReadonlyMap<string, Key>): Promise<void>;
  /** The row of a key that was loaded; undefined where there is none. */
  get(id: string): AnyRow | undefined;
  /** Replaces the row of a key that was loaded; undefined removes it. */
  set(id: string, row: AnyRow | undefined): void;
  /** Writes all changed rows in the caller's transaction, and then keeps within the bound. Answers their number. */
  flush(client: pg.ClientBase): Promise<number>;
  /** Drops all that is held: after a rollback, or when others have written. */
  forget(): void;
  /** Estimated bytes of the changed rows. */
  dirtyBytes(): number;
}

export interface RowStoreOptions {
  projection: Projection;
  table: RowTable;
  /** Estimated bytes of a generation; twice this is held at the most between flushes. */
  generationBytes: number;
  /** The table is known to be empty: rows are not looked for until the first flush. */
  empty?: boolean;
}

const ROW_BYTES = 400;
const ROWS_A_STATEMENT = 5000;

export function createRowStore({
  projection,
  table,
  generationBytes,
  empty = false,
}: RowStoreOptions): RowStore {
  const jsonColumns = columnsOf(projection)
    .filter(({ kind }) => kind === 'json')
    .map(({ name }) => name);
  let young = new Map<string, Entry>();
  let old = new Map<string, Entry>();
  let youngBytes = 0;
  let dirty = new Map<string, Entry>();
  let dirtyBytes = 0;
  let nothingStored = empty;

  function sizeOf(row: AnyRow | undefined): number {
    let bytes = ROW_BYTES;
    for (const name of jsonColumns) bytes += (row?.[name] as string | null | undefined)?.length ?? 0;
    return bytes;
  }

  function entryOf(id: string): Entry | undefined {
    const entry = young.get(id);
    if (entry) return entry;
    const older = old.get(id);
    if (older) hold(id, older);
    return older;
  }

  function hold(id: string, entry: Entry): void {
    young.set(id, entry);
    youngBytes += sizeOf(entry.row);
  }

  async function load(client: pg.ClientBase | pg.Pool, keys: ReadonlyMap<string, Key>): Promise<void> {
    const missing: Key[] = [];
    for (const [id, key] of keys) if (!entryOf(id)) missing.push(key);
    if (missing.length === 0) return;
    const found = nothingStored ? new Map<string, AnyRow>() : await table.load(client, missing);
    for (const key of missing) {
      const id = keyId(key);
      const row = found.get(id);
      hold(id, { key, row, stored: row !== undefined, dirty: false });
    }
  }

  function set(id: string, row: AnyRow | undefined): void {
    const entry = young.get(id)!;
    if (entry.row === row) return;
    dirtyBytes += sizeOf(row) - (entry.dirty ? sizeOf(entry.row) : 0);
    entry.row = row;
    entry.dirty = true;
    dirty.set(id, entry);
  }

  async function flush(client: pg.ClientBase): Promise<number> {
    const entries = [...dirty.values()];
    const present = entries.filter(({ row }) => row !== undefined);
    const gone = entries.filter(({ row, stored }) => row === undefined && stored);
    const fresh = present.filter(({ stored }) => !stored).map(({ row }) => row!);
    const known = present.filter(({ stored }) => stored).map(({ row }) => row!);
    for (const rows of slices(fresh)) await table.insert(client, rows);
    for (const rows of slices(known)) await table.upsert(client, rows);
    if (gone.length > 0)
      await table.remove(
        client,
        gone.map(({ key }) => key),
      );
    for (const entry of entries) {
      entry.stored = entry.row !== undefined;
      entry.dirty = false;
    }
    if (entries.length > 0) nothingStored = false;
    dirty = new Map();
    dirtyBytes = 0;
    if (youngBytes > generationBytes) turn();
    return entries.length;
  }

  function turn(): void {
    old = young;
    young = new Map();
    youngBytes = 0;
  }

  function forget(): void {
    turn();
    old = new Map();
    dirty = new Map();
    dirtyBytes = 0;
  }

  return { load, set, flush, forget, get: (id) => entryOf(id)?.row, dirtyBytes: () => dirtyBytes };
}

function* slices<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) yield rows.slice(at, at + ROWS_A_STATEMENT);
}
