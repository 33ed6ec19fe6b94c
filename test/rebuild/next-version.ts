import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Test } from 'tap';
import type { EventProjection } from '../../projections/contract.js';
import { integration } from '../../projections/integration/projection.js';
import type { IntegrationRow } from '../../projections/integration/rows.js';

/** The next version of `integration`: connectors in capitals. */
export const next: EventProjection<IntegrationRow> = {
  ...integration,
  version: 2,
  evolve(row, event) {
    const after = integration.evolve(row, event);
    return after && { ...after, connector_type: after.connector_type?.toUpperCase() ?? null };
  },
};

/** `next`, which fails on installs behind a position. */
export const failingBehind = (position: number): EventProjection<IntegrationRow> => ({
  ...next,
  evolve(row, event) {
    if (event.event === 'integration_installed' && event.position > position) throw new Error('a fault');
    return next.evolve(row, event);
  },
});

/** `next`, of which an index cannot be made. */
export const withFaultyIndex = (t: Test) =>
  withTable(t, (sql) => `${sql};\nCREATE INDEX ON :table (no_such_column);`);

/** `next`, whose table cannot be made. */
export const withFaultyTable = (t: Test) =>
  withTable(t, (sql) => sql.replace('(\n', '(\n  a no_such_type,\n'));

function withTable(t: Test, change: (sql: string) => string): EventProjection<IntegrationRow> {
  const sql = readFileSync(new URL('table.sql', next.folder), 'utf8');
  const folder = t.testdir({ 'table.sql': change(sql) });
  return { ...next, folder: pathToFileURL(`${folder}/`) };
}
