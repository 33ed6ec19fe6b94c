import type { AnyRow, Projection } from '../../../projections/contract.js';
import { columnsOf, rowToJson } from '../../read-models/columns.js';
import type { RowDifference } from '../rebuild/compare.js';
import type { ServedRows } from './served-rows.js';

/** What differs between the rows that are served and those that the log gives; parked keys are left out. */
export function compareRows(
  projection: Projection,
  served: ServedRows,
  folded: ReadonlyMap<string, AnyRow>,
): RowDifference[] {
  const differences: RowDifference[] = [];
  const ids = new Set([...served.rows.keys(), ...folded.keys()]);
  for (const id of ids) {
    if (served.parked.has(id)) continue;
    const difference = compareRow(projection, served.rows.get(id), folded.get(id));
    if (difference) differences.push(difference);
  }
  return differences;
}

function compareRow(
  projection: Projection,
  before: AnyRow | undefined,
  after: AnyRow | undefined,
): RowDifference | undefined {
  const columns: RowDifference['columns'] = {};
  for (const column of columnsOf(projection)) {
    const [old, young] = [before, after].map((row) => row && rowToJson([column], row));
    if (old === young || projection.keyColumns.includes(column.name)) continue;
    columns[column.name] = { before: before?.[column.name] ?? null, after: after?.[column.name] ?? null };
  }
  if (before && after && Object.keys(columns).length === 0) return undefined;
  const kind = !before ? 'added' : !after ? 'removed' : 'changed';
  const row = (before ?? after)!;
  return { kind, key: Object.fromEntries(projection.keyColumns.map((name) => [name, row[name]])), columns };
}
