import { type Command, Option } from 'commander';
import { createAllowList } from '../ingest/client-address.js';
import { type SourceBounds, setBounds } from '../log/source-bounds.js';
import type { CommandContext } from './context.js';
import { describeBounds } from './source-bounds.js';
import { gather, wholeNumber } from './source-rules.js';
import { withPool } from './with-pool.js';

interface SetOptions {
  workspace?: string[];
  anyWorkspace?: boolean;
  cidr?: string[];
  anyAddress?: boolean;
  proxyDepth?: number;
  /** False: none. */
  maxRate?: number | false;
  maxBytes?: number | false;
  json?: boolean;
}

/** Adds `hookfold source set`: what a source may send, from now on. */
export function addSet(source: Command, context: CommandContext): void {
  source
    .command('set <name>')
    .description(
      'Change what a source may send; what is not named stays. Running doors know within 5 seconds.',
    )
    .option('--workspace <id>', 'only events of this workspace (repeat for more)', gather)
    .addOption(new Option('--any-workspace', 'events of any workspace').conflicts('workspace'))
    .option('--cidr <range>', 'only from these addresses (repeat for more)', gather)
    .addOption(new Option('--any-address', 'from anywhere').conflicts('cidr'))
    .option('--proxy-depth <count>', 'proxies of yours before the door (X-Forwarded-For)', wholeNumber(0))
    .option('--max-rate <events>', 'events a second that a process takes of it', wholeNumber(1))
    .option('--no-max-rate', 'as many as come')
    .option('--max-bytes <bytes>', 'bytes in flight that a process takes of it', wholeNumber(1))
    .option('--no-max-bytes', 'half of what a process takes of all')
    .option('--json', 'print all of it as JSON')
    .action(async (name: string, options: SetOptions) => {
      const bounds = toBounds(options);
      if (Object.keys(bounds).length === 0)
        throw new Error('name what to change: hookfold source set --help');
      const set = await withPool(context.databaseUrl(), (pool) => setBounds(pool, name, bounds));
      context.print(options.json ? JSON.stringify(set) : `${set.name}: ${describeBounds(set)}`);
    });
}

function toBounds({
  workspace,
  cidr,
  proxyDepth,
  maxRate,
  maxBytes,
  ...any
}: SetOptions): Partial<SourceBounds> {
  const bounds: Partial<SourceBounds> = {};
  createAllowList(cidr ?? []); // Throws on what is no range.
  if (workspace || any.anyWorkspace) bounds.workspaces = workspace ?? null;
  if (cidr || any.anyAddress) bounds.cidrs = cidr ?? null;
  if (proxyDepth !== undefined) bounds.proxyDepth = proxyDepth;
  if (maxRate !== undefined) bounds.maxRate = maxRate || null;
  if (maxBytes !== undefined) bounds.maxBytes = maxBytes || null;
  return bounds;
}
