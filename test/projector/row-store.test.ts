import type pg from 'pg';
import t from 'tap';
import type { AnyRow } from '../../projections/contract.js';
import { findProjection } from '../../projections/index.js';
import { keyOfRow } from '../../projections/key.js';
import { createRowStore } from '../../src/projector/row-store.js';
import { tableOf } from '../../src/read-models/build.js';
import { ensureLiveBuild } from '../../src/read-models/live-build.js';
import { createRowTable } from '../../src/read-models/rows.js';
import { createTestDatabase } from '../support/test-database.js';

const resource = findProjection('resource');

function rowOf(number: number, data: string): AnyRow {
  return {
    integration_id: 'i',
    type: 'contact',
    resource_id: String(number),
    workspace_id: 'w',
    customer_id: null,
    status: 'present',
    data,
    update_count: 1,
    stale_count: 0,
    last_diff: null,
    first_seen_at: '2026-11-24T00:00:00.000Z',
    updated_at: null,
    deleted_at: null,
    last_position: number,
    applied_timestamp: null,
  };
}

t.test('rows are written by statements that are bounded in rows and in bytes', async (t) => {
  const { pool } = await createTestDatabase(t);
  const build = (await ensureLiveBuild(pool, resource))!;
  const table = createRowTable(resource, tableOf(build));
  const statements: number[] = [];
  const counting = {
    ...table,
    copy(client: pg.ClientBase, rows: readonly AnyRow[]) {
      statements.push(rows.length);
      return table.copy(client, rows);
    },
  };
  const store = createRowStore({
    projection: resource,
    table: counting,
    generationBytes: 2 ** 30,
    empty: true,
  });
  const client = await pool.connect();
  t.teardown(() => client.release());
  async function write(rows: readonly AnyRow[]): Promise<number[]> {
    for (const row of rows) store.set(store.entry(keyOfRow(resource, row)), row);
    await store.flush(client);
    return statements.splice(0);
  }
  const small = Array.from({ length: 5001 }, (_, n) => rowOf(n, '{}'));
  t.strictSame(await write(small), [5000, 1]);
  const text = JSON.stringify({ text: 'x'.repeat(1_500_000) });
  const large = [0, 1, 2, 3, 4].map((n) => rowOf(10_000 + n, text));
  t.strictSame(await write(large), [2, 2, 1]);
  const named = [0, 1, 2].map((n) => ({ ...rowOf(20_000 + n, '{}'), customer_id: 'x'.repeat(3_000_000) }));
  t.strictSame(await write(named), [1, 1, 1], 'a text is as large as its sender makes it');
  const { rows } = await pool.query(
    'SELECT count(*)::int AS rows, max(octet_length(data::text)) AS longest FROM read_model.resource',
  );
  t.match(rows[0], { rows: 5009, longest: text.length }, 'all of them are there');
});
