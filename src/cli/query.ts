import type { Command } from 'commander';
import { createQueryService } from '../query/service.js';
import type { CommandContext } from './context.js';
import { runService } from './run-service.js';

/** `hookfold query`: answers over HTTP. */
export function defineQuery(command: Command, context: CommandContext): void {
  command
    .addHelpText(
      'after',
      `
It listens on HOST (127.0.0.1) and QUERY_PORT (8081), and asks every request for an API key (hookfold key add).
For people: /docs. For programs: /openapi.json.`,
    )
    .action(async () => {
      const logger = context.logger('query');
      const service = createQueryService({
        configuration: context.configuration,
        databaseUrl: context.databaseUrl(),
        readDatabaseUrl: context.readDatabaseUrl(),
        natsUrl: context.natsUrl(),
        logger,
      });
      await runService(service, logger);
    });
}
