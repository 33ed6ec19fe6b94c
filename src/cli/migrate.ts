import type { Command } from 'commander';
import { migrateLog } from '../log/migrate-log.js';
import { migrateReadModels } from '../read-models/migrate-read-models.js';
import type { CommandContext } from './context.js';

/** `hookfold migrate`: brings both databases up to date. */
export function defineMigrate(command: Command, context: CommandContext): void {
  command
    .option('--json', 'print the names of the files that were run')
    .addHelpText('after', '\nSafe to run from several processes at once, and again at every deployment.')
    .action(async ({ json }: { json?: boolean }) => {
      const run = await migrateAll(context.databaseUrl(), context.readDatabaseUrl());
      if (json) context.print(JSON.stringify(run));
      else for (const line of describe(run)) context.print(line);
    });
}

/** Migrates the log, then the read models; answers the files that were run. */
export async function migrateAll(databaseUrl: string, readDatabaseUrl: string) {
  const log = await migrateLog(databaseUrl);
  const readModels = await migrateReadModels(readDatabaseUrl);
  return { log, read_models: readModels };
}

function describe(run: { log: string[]; read_models: string[] }): string[] {
  const names = [
    ...run.log.map((file) => `log ${file}`),
    ...run.read_models.map((file) => `read models ${file}`),
  ];
  return names.length > 0 ? names : ['nothing to do: both databases are up to date'];
}
