// What the projector reads and writes for each page of a log, recorded by folding it in memory.
import type pg from 'pg';
import type { AnyRow, Key, Projection } from '../projections/contract.js';
import { keyId, keyOfRow } from '../projections/key.js';
import type { Statement } from '../src/postgres/pipeline.js';
import { foldPage } from '../src/projector/fold-page.js';
import { createPage } from '../src/projector/page.js';
import type { PageReader } from '../src/projector/read-page.js';
import { createRowStore } from '../src/projector/row-store.js';
import type { RowTable } from '../src/read-models/rows.js';

/** What is done to the table of one projection for one page. */
export interface Step {
  projection: Projection;
  loads: (readonly Key[])[];
  inserts: (readonly AnyRow[])[];
  upserts: (readonly AnyRow[])[];
  removals: (readonly Key[])[];
}

/** The steps of every page, in order. */
export async function recordWrites(
  projections: readonly Projection[],
  readPage: PageReader,
  pageEvents: number,
  generationBytes: number,
): Promise<Step[][]> {
  const noClient = { query: async () => {} } as unknown as pg.ClientBase;
  const folds = projections.map((projection) => {
    const { table, take } = createRecordingTable(projection);
    const store = createRowStore({ projection, table, generationBytes });
    return {
      take,
      store,
      target: { projection, store, segments: 1, owned: undefined, parkedKeys: new Map() },
    };
  });
  const pages: Step[][] = [];
  for (let position = 0; ; ) {
    const events = await readPage(position, pageEvents);
    if (events.length === 0) return pages;
    const page = createPage(events);
    for (const { target, store } of folds) {
      await foldPage(noClient, target, page);
      await store.flush(noClient);
    }
    pages.push(folds.map(({ take }) => take()));
    position = page.last;
  }
}

/** In place of a statement: nothing is sent. */
const sent: Statement = { text: '', values: [] };

function createRecordingTable(projection: Projection): { table: RowTable; take(): Step } {
  const stored = new Map<string, AnyRow>();
  const nothing = (): Step => ({ projection, loads: [], inserts: [], upserts: [], removals: [] });
  let step = nothing();
  const keep = (rows: readonly AnyRow[]) => {
    for (const row of rows) stored.set(keyId(keyOfRow(projection, row)), row);
  };
  const table: RowTable = {
    async load(_client, keys) {
      step.loads.push(keys);
      return keys
        .map((key, index): [number, AnyRow | undefined] => [index, stored.get(keyId(key))])
        .filter((found): found is [number, AnyRow] => found[1] !== undefined);
    },
    insert: () => sent,
    async copy(_client, rows) {
      step.inserts.push(rows);
      keep(rows);
    },
    upsert(rows) {
      step.upserts.push(rows);
      keep(rows);
      return sent;
    },
    remove(keys) {
      if (keys.length > 0) step.removals.push(keys);
      for (const key of keys) stored.delete(keyId(key));
      return [];
    },
  };
  const take = () => {
    const taken = step;
    step = nothing();
    return taken;
  };
  return { table, take };
}
