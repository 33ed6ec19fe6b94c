// The rows that a fold holds in memory: read once, folded many times, written when asked. Two generations bound it:
// what was not touched since the last turn of generations is let go.
import type pg from 'pg';
import type { AnyRow, Key, Projection } from '../../projections/contract.js';
import { execute, executeAll, isPipelined, type Statement } from '../postgres/pipeline.js';
import { columnsOf } from '../read-models/columns.js';
import type { RowTable } from '../read-models/rows.js';
import { byKey, Entry, isSameKey, ROW_BYTES } from './entry.js';
import { createKeyMap } from './key-map.js';
import { createKeyCheck } from './storable-key.js';

export interface RowStore {
  /** The entry of a key. Its row is unknown until the next `load`. */
  entry(key: Key): Entry;
  /** Reads the rows of the entries that were not held when they were asked for. Sends its statement before it first waits. */
  load(client: pg.ClientBase | pg.Pool): Promise<void>;
  /** Replaces the row of an entry that was loaded; undefined removes it. */
  set(entry: Entry, row: AnyRow | undefined): void;
  /**
   * Writes all changed rows in the caller's transaction, and keeps within the bound. Answers their number. Where it or
   * the transaction fails: `forget`.
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
  /** The statements that write them. Throws, with nothing sent, where a row has a value that its column cannot take. */
  statements(): Statement[];
  /** Writes them in the caller's transaction; see `flush`. Where it is not pipelined, one statement is made at a time. */
  write(client: pg.ClientBase): Promise<void>;
  /** After the commit: until then all that was taken is held, so that nobody looks for it in the table. */
  settle(): void;
}

export interface RowStoreOptions {
  projection: Projection;
  table: RowTable;
  /** Estimated bytes of a generation; twice this is held at the most between flushes. */
  generationBytes: number;
  /** Of stores that have `generationBytes` together: the one that needs more of it has more. Default: one's own. */
  young?: YoungRows;
  /** The table is known to be empty: rows are not looked for until the first flush. */
  empty?: boolean;
}

/** What stores that share a bound have touched since their last turn of generations. */
export interface YoungRows {
  bytes: number;
}

interface Changes {
  fresh: AnyRow[];
  known: AnyRow[];
  gone: Key[];
}

const ROWS_A_STATEMENT = 5000;
/** Estimated: what a statement sends is made as a whole, more than once on its way. */
const BYTES_A_STATEMENT = 4 * 1024 * 1024;

/** A store that holds no row yet. */
export function createRowStore({
  projection,
  table,
  generationBytes,
  young = { bytes: 0 },
  empty = false,
}: RowStoreOptions): RowStore {
  const textColumns = columnsOf(projection)
    .filter(({ kind }) => kind === 'json' || kind === 'text')
    .map(({ name }) => name);
  const isStorable = createKeyCheck(projection);
  let held = createKeyMap<Entry>(projection.keyColumns.length);
  let generation = 0;
  let youngBytes = 0;
  let last: Entry | undefined;
  let missing: Entry[] = [];
  let dirty: Entry[] = [];
  let dirtyBytes = 0;
  let nothingStored = empty;

  function sizeOf(row: AnyRow | undefined): number {
    let bytes = ROW_BYTES;
    if (row !== undefined)
      for (const name of textColumns) bytes += (row[name] as string | null | undefined)?.length ?? 0;
    return bytes;
  }

  // Events of a key come in bursts: the entry before is asked first.
  function entryOf(key: Key): Entry {
    if (last !== undefined && last.generation === generation && isSameKey(last.key, key)) return last;
    last = hold(key);
    return last;
  }

  function hold(key: Key): Entry {
    let entry = held.get(key);
    if (entry === undefined) {
      entry = new Entry(key, generation, isStorable(key));
      held.set(key, entry);
      entry.loaded = nothingStored && entry.isStorable;
      if (!nothingStored && entry.isStorable) missing.push(entry);
      touch(entry.bytes);
    } else if (entry.generation !== generation) {
      entry.generation = generation;
      touch(entry.bytes);
    }
    return entry;
  }

  function touch(bytes: number): void {
    youngBytes += bytes;
    young.bytes += bytes;
  }

  async function load(client: pg.ClientBase | pg.Pool): Promise<void> {
    const unknown = missing;
    missing = [];
    if (unknown.length === 0) return;
    const keys = unknown.map(({ key }) => key);
    const found = await table.load(client, keys).catch((error) => {
      forget(); // What was not read must not be taken for absent.
      throw error;
    });
    for (const entry of unknown) entry.loaded = true;
    for (const [index, row] of found) {
      const entry = unknown[index]!;
      entry.row = row;
      entry.stored = true;
      resize(entry);
    }
  }

  function set(entry: Entry, row: AnyRow | undefined): void {
    if (entry.row === row) return;
    // Between a fold's asking and its setting at most one batch is settled, so what it asked for is still held.
    if (entry.generation < generation - 1) throw new Error('a row was let go of while it was folded');
    entry.row = row;
    if (!entry.dirty) {
      entry.dirty = true;
      dirty.push(entry);
      dirtyBytes += entry.bytes;
    }
    dirtyBytes += resize(entry);
  }

  function resize(entry: Entry): number {
    const growth = sizeOf(entry.row) - entry.bytes;
    entry.bytes += growth;
    touch(growth);
    return growth;
  }

  function take(): Batch & { rows: number } {
    const entries = dirty.sort(byKey);
    const changes = changesOf(entries);
    // Marked before they are written: if that fails, all that is held is forgotten anyway.
    for (const entry of entries) {
      entry.stored = entry.row !== undefined;
      entry.dirty = false;
    }
    if (entries.length > 0) nothingStored = false;
    dirty = [];
    dirtyBytes = 0;
    return {
      rows: entries.length,
      statements: () => statementsOf(changes),
      write: (client) =>
        isPipelined(client) ? executeAll(client, statementsOf(changes)) : writeInTurn(client, changes),
      settle() {
        if (young.bytes > generationBytes) turn();
      },
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

  function statementsOf({ fresh, known, gone }: Changes): Statement[] {
    return [
      ...slices(fresh, sizeOf).map(table.insert),
      ...slices(known, sizeOf).map(table.upsert),
      ...table.remove(gone),
    ];
  }

  // Batches of a load are far larger than pages: their encoded forms are not to be there all at once.
  async function writeInTurn(client: pg.ClientBase, { fresh, known, gone }: Changes): Promise<void> {
    for (const rows of slices(fresh, sizeOf)) await table.copy(client, rows);
    for (const rows of slices(known, sizeOf)) await execute(client, table.upsert(rows));
    for (const statement of table.remove(gone)) await execute(client, statement);
  }

  function turn(): void {
    held.sweep((entry) => entry.generation === generation);
    touch(-youngBytes);
    generation += 1;
  }

  // Entries that a fold still has in hand are of a generation that is no longer set.
  function forget(): void {
    held = createKeyMap(projection.keyColumns.length);
    touch(-youngBytes);
    generation += 2;
    last = undefined;
    missing = [];
    dirty = [];
    dirtyBytes = 0;
    nothingStored = false;
  }

  return { entry: entryOf, load, set, take, flush, forget, dirtyBytes: () => dirtyBytes };
}

function slices<T>(rows: readonly T[], sizeOf: (row: T) => number): (readonly T[])[] {
  const all: (readonly T[])[] = [];
  let first = 0;
  let bytes = 0;
  for (let at = 0; at < rows.length; at++) {
    const size = sizeOf(rows[at]!);
    if (at > first && (at - first >= ROWS_A_STATEMENT || bytes + size > BYTES_A_STATEMENT)) {
      all.push(rows.slice(first, at));
      first = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (first < rows.length) all.push(first === 0 ? rows : rows.slice(first));
  return all;
}
