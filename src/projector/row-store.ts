// The rows that a fold holds in memory: read once, folded many times, written when asked. Two generations bound it:
// what was not touched since the last turn of generations is let go.
import type pg from 'pg';
import type { AnyRow, Key, Projection } from '../../projections/contract.js';
import { keyId } from '../../projections/key.js';
import { runAll } from '../postgres/pipeline.js';
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
  /**
   * Writes all changed rows in the caller's transaction, and keeps within the bound. Answers their number. On a
   * pipelined connection all statements are sent before it first waits. Where it or the transaction fails: `forget`.
   */
  flush(client: pg.ClientBase): Promise<number>;
  /** Takes all changed rows out to be written apart, while the fold goes on; one batch at a time. */
  take(): Batch;
  /** Drops all that is held: after a rollback, or when others have written. */
  forget(): void;
  /** Estimated bytes of the changed rows. */
  dirtyBytes(): number;
}

/** Changed rows on their way to the table. */
export interface Batch {
  /** Writes them in the caller's transaction; see `flush`. */
  write(client: pg.ClientBase): Promise<void>;
  /** After the commit: until then all that was taken is held, so that nobody looks for it in the table. */
  settle(): void;
}

export interface RowStoreOptions {
  projection: Projection;
  table: RowTable;
  /** Estimated bytes of a generation; twice this is held at the most between flushes. */
  generationBytes: number;
  /** The table is known to be empty: rows are not looked for until the first flush. */
  empty?: boolean;
}

interface Changes {
  fresh: AnyRow[];
  known: AnyRow[];
  gone: Key[];
}

const ROW_BYTES = 400;
const ROWS_A_STATEMENT = 5000;

/** A store that holds no row yet. */
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
    const bytes = sizeOf(row);
    const bytesBefore = sizeOf(entry.row);
    youngBytes += bytes - bytesBefore;
    dirtyBytes += bytes - (entry.dirty ? bytesBefore : 0);
    entry.row = row;
    entry.dirty = true;
    dirty.set(id, entry);
  }

  function take(): Batch & { rows: number } {
    const entries = [...dirty.values()];
    const changes = changesOf(entries);
    // Marked before they are written: if that fails, all that is held is forgotten anyway.
    for (const entry of entries) {
      entry.stored = entry.row !== undefined;
      entry.dirty = false;
    }
    if (entries.length > 0) nothingStored = false;
    dirty = new Map();
    dirtyBytes = 0;
    const settle = () => {
      if (youngBytes > generationBytes) turn();
    };
    return {
      rows: entries.length,
      write: async (client) => void (await runAll(client, writesOf(client, changes))),
      settle,
    };
  }

  async function flush(client: pg.ClientBase): Promise<number> {
    const batch = take();
    batch.settle();
    await batch.write(client);
    return batch.rows;
  }

  function changesOf(entries: readonly Entry[]): Changes {
    const changes: Changes = { fresh: [], known: [], gone: [] };
    for (const { key, row, stored } of entries) {
      if (row !== undefined) (stored ? changes.known : changes.fresh).push(row);
      else if (stored) changes.gone.push(key);
    }
    return changes;
  }

  function writesOf(client: pg.ClientBase, { fresh, known, gone }: Changes): (() => Promise<void>)[] {
    return [
      ...slices(fresh).map((rows) => () => table.insert(client, rows)),
      ...slices(known).map((rows) => () => table.upsert(client, rows)),
      ...(gone.length > 0 ? [() => table.remove(client, gone)] : []),
    ];
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
    nothingStored = false;
  }

  return { load, set, take, flush, forget, get: (id) => entryOf(id)?.row, dirtyBytes: () => dirtyBytes };
}

function slices<T>(rows: readonly T[]): (readonly T[])[] {
  if (rows.length <= ROWS_A_STATEMENT) return rows.length > 0 ? [rows] : [];
  const count = Math.ceil(rows.length / ROWS_A_STATEMENT);
  return Array.from({ length: count }, (_, n) =>
    rows.slice(n * ROWS_A_STATEMENT, (n + 1) * ROWS_A_STATEMENT),
  );
}
