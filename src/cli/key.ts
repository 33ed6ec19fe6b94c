import type { Command } from 'commander';
import { type ApiKey, addKey, listKeys, revokeKey } from '../query/api-key.js';
import type { CommandContext } from './context.js';
import { gather } from './source-rules.js';
import { formatTable } from './table.js';
import { withPool } from './with-pool.js';

/** `hookfold key`: who may ask the query API. */
export function defineKey(key: Command, context: CommandContext): void {
  addAdd(key, context);
  addList(key, context);
  addRevoke(key, context);
}

interface AddOptions {
  workspace?: string[];
  admin?: boolean;
  json?: boolean;
}

function addAdd(key: Command, context: CommandContext): void {
  key
    .command('add <name>')
    .description('Make a key and print it, this once: only its SHA-256 is kept.')
    .option('--workspace <id>', 'a workspace whose rows it sees (repeat for more)', gather)
    .option('--admin', 'sees the operational routes, and all workspaces where none is named')
    .option('--json', 'print {"name", "key", "workspaces", "admin"}')
    .addHelpText('after', '\nSent as `Authorization: Bearer KEY` or `X-Api-Key: KEY`.')
    .action(async (name: string, { workspace = [], admin = false, json }: AddOptions) => {
      const made = await withPool(context.databaseUrl(), (log) =>
        addKey(log, { name, workspaces: workspace, admin }),
      );
      if (json) context.print(JSON.stringify({ ...made, workspaces: workspace, admin }));
      else context.print(made.key);
    });
}

function addList(key: Command, context: CommandContext): void {
  key
    .command('list')
    .description('Show the keys, their workspaces and when they were last used.')
    .option('--json', 'print them as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const keys = await withPool(context.databaseUrl(), listKeys);
      if (json) return context.print(JSON.stringify(keys));
      if (keys.length === 0) return context.print('no key yet: hookfold key add NAME makes one');
      for (const line of formatTable(['name', 'sees', 'made', 'last used', 'revoked'], keys.map(cells)))
        context.print(line);
    });
}

function cells({ name, admin, workspaces, created_at, last_used_at, revoked_at }: ApiKey): string[] {
  const rows = workspaces.length === 0 ? 'all workspaces' : workspaces.join(' ');
  const sees = admin ? `operations, ${rows}` : rows;
  return [name, sees, created_at, last_used_at ?? 'never', revoked_at ?? ''];
}

function addRevoke(key: Command, context: CommandContext): void {
  key
    .command('revoke <name>')
    .description('End a key; running processes notice within a second.')
    .option('--json', 'print {"name", "revoked"}')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const revoked = await withPool(context.databaseUrl(), (log) => revokeKey(log, name));
      if (json) context.print(JSON.stringify({ name, revoked }));
      if (!revoked) throw new Error(`no key named ${JSON.stringify(name)} is in use. See: hookfold key list`);
      if (!json) context.print(`${name} is revoked`);
    });
}
