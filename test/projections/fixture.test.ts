// The fixture's webhooks, folded purely, give what READ-MODELS.md and its expected rows say.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import type { AnyRow } from '../../projections/contract.js';
import { foldEvents } from '../../projections/fold.js';
import { findProjection, PROJECTIONS } from '../../projections/index.js';
import { columnKind } from '../../schemas/columns.js';
import { fixtureEvents } from '../support/logged-events.js';

const expected = JSON.parse(
  readFileSync(new URL('../fixtures/expected.json', import.meta.url), 'utf8'),
) as Record<string, AnyRow[]> & { events: number };
const events = fixtureEvents();

const KEYS: Record<string, string[]> = { activity: ['workspace_id', 'event'] };

function readableRow(name: string, row: AnyRow): AnyRow {
  const { properties } = findProjection(name).row;
  const read = (column: string, value: unknown) =>
    columnKind(properties[column]!) === 'json' && value !== null ? JSON.parse(value as string) : value;
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, read(column, value)]));
}

function named(row: AnyRow, columns: string[]): AnyRow {
  return Object.fromEntries(columns.map((column) => [column, row[column]]));
}

function summedOverHours(rows: AnyRow[]): AnyRow[] {
  const sums = new Map<string, AnyRow>();
  for (const { workspace_id, event, count } of rows) {
    const id = JSON.stringify([workspace_id, event]);
    sums.set(id, { workspace_id, event, count: ((sums.get(id)?.count as number) ?? 0) + (count as number) });
  }
  return [...sums.values()];
}

for (const projection of PROJECTIONS) {
  t.test(`${projection.name} of the fixture has the expected rows in every named field`, async (t) => {
    const want = expected[projection.name]!;
    const columns = Object.keys(want[0]!);
    const key = KEYS[projection.name] ?? [...projection.keyColumns];
    const { rows, unreadable, parked } = foldEvents(projection, events);
    const all = [...rows.values()].map((row) => readableRow(projection.name, row));
    const got = projection.name === 'activity' ? summedOverHours(all) : all;
    const byKey = new Map(got.map((row) => [JSON.stringify(key.map((column) => row[column])), row]));
    t.equal(events.length, expected.events);
    t.same([unreadable, parked], [[], []]);
    t.equal(got.length, want.length);
    const wrong = want.filter((row) => {
      const found = byKey.get(JSON.stringify(key.map((column) => row[column])));
      return !isDeepStrictEqual(found && named(found, columns), row);
    });
    t.same(wrong.slice(0, 3), [], `${wrong.length} rows differ`);
  });
}
