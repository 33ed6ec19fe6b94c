import { type Command, InvalidArgumentError } from 'commander';
import { findProjection } from '../../projections/index.js';
import { resolveAsOf } from '../query/as-of.js';
import type { Databases } from '../query/deps.js';
import { diffRows, type RowDiff } from '../query/diff.js';
import { changesJson } from '../query/resource-history.js';
import { storedId } from '../query/scope.js';
import { rowToJson, shownColumns } from '../read-models/columns.js';
import type { CommandContext } from './context.js';
import { oneLine } from './one-line.js';
import { withPool } from './with-pool.js';

interface DiffOptions {
  from: string;
  to?: string;
  integration?: string;
  json?: boolean;
}

/** `hookfold diff`: what changed in a read model between two positions. */
export function defineDiff(command: Command, context: CommandContext): void {
  command
    .requiredOption('--from <position>', 'a position, or an RFC 3339 time', asOf)
    .option('--to <position>', 'a position, or an RFC 3339 time; default: the head', asOf)
    .option('--integration <id>', 'only rows of this integration')
    .option('--json', 'a JSON object a line: {"change", "key", "changes"}')
    .action((name: string, options: DiffOptions) => diff(name, options, context));
}

async function diff(name: string, { from, to, integration, json }: DiffOptions, context: CommandContext) {
  const projection = findProjection(name);
  const columns = shownColumns(projection);
  const count = { added: 0, removed: 0, changed: 0 };
  await withPools(context, async (databases) => {
    const { log } = databases;
    const range = {
      from: await resolveAsOf(log, { as_of: from }, '--from'),
      to: await resolveAsOf(log, to === undefined ? {} : { as_of: to }, '--to'),
    };
    if (range.to < range.from) throw new Error(`--to (${range.to}) lies before --from (${range.from})`);
    const integrationId = integration === undefined ? undefined : storedId(integration);
    for await (const row of diffRows(databases, projection, { ...range, integrationId })) {
      const changes = changesJson(columns, row.before, row.after);
      if (row.change === 'changed' && changes === '{}') continue;
      count[row.change] += 1;
      if (json)
        context.print(
          oneLine(`{"change":"${row.change}","key":${JSON.stringify(row.key)},"changes":${changes}}`),
        );
      else for (const line of describe(row, changes)) context.print(line);
    }
    if (!json) context.print(`${count.added} added, ${count.removed} removed, ${count.changed} changed`);
  });

  function describe({ change, key, after, before }: RowDiff, changes: string): string[] {
    const sign = { added: '+', removed: '-', changed: '~' }[change];
    const heading = `${sign} ${key.join(' / ')}`;
    if (change !== 'changed') return [heading, `    ${rowToJson(columns, (after ?? before)!)}`];
    return [heading, `    ${changes}`];
  }
}

function withPools(context: CommandContext, work: (databases: Databases) => Promise<void>): Promise<void> {
  return withPool(context.databaseUrl(), (log) =>
    withPool(context.readDatabaseUrl(), (read) => work({ log, read })),
  );
}

function asOf(text: string): string {
  if (/^\d{1,16}$|^\d{4}-\d\d-\d\dT/.test(text)) return text;
  throw new InvalidArgumentError('expected a position or an RFC 3339 time.');
}
