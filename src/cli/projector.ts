import { type Command, InvalidArgumentError } from 'commander';
import { createProjectorService } from '../projector/service.js';
import type { CommandContext } from './context.js';
import { runService } from './run-service.js';

/** Each is a checkpoint of a read model, and a lease that is renewed all the time. */
const MOST_SEGMENTS = 1024;

/** `hookfold projector`: folds the log into the read models. */
export function defineProjector(command: Command, context: CommandContext): void {
  command
    .option('--until-head', 'end once all there is has been folded')
    .option('--segments <count>', 'split the projections keyed within an integration among processes', count)
    .action(async ({ untilHead, segments }: { untilHead?: boolean; segments?: number }) => {
      const logger = context.logger('projector');
      const service = createProjectorService({
        configuration: context.configuration,
        databaseUrl: context.databaseUrl(),
        readDatabaseUrl: context.readDatabaseUrl(),
        natsUrl: context.natsUrl(),
        logger,
        ...(segments === undefined ? {} : { segments }),
      });
      await runService(service, logger, untilHead ? () => service.untilHead() : undefined);
    });
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= MOST_SEGMENTS) return value;
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MOST_SEGMENTS}.`);
}
