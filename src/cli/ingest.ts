import type { Command } from 'commander';
import { createIngestService } from '../ingest/service.js';
import { createThreadedRelay } from '../relay/threaded-relay.js';
import { createServiceGroup } from '../service.js';
import type { CommandContext } from './context.js';
import { runService } from './run-service.js';

/** `hookfold ingest`: takes webhooks in and mirrors the log to NATS. */
export function defineIngest(command: Command, context: CommandContext): void {
  command
    .addHelpText(
      'after',
      `
Listens on HOST and INGEST_PORT (8080). POST /webhooks/SOURCE/TOKEN answers 202 after the commit.
Any number may run. Where NATS_URL is not set, or NATS is away, the log is mirrored later.`,
    )
    .action(async () => {
      const logger = context.logger('ingest');
      const databaseUrl = context.databaseUrl();
      const natsUrl = context.natsUrl();
      // As a user of its own it can be the only one of the two that may read the log.
      const relayUrl = context.configuration.RELAY_DATABASE_URL ?? databaseUrl;
      const logLevel = context.configuration.LOG_LEVEL;
      const relay = natsUrl
        ? createThreadedRelay({ databaseUrl: relayUrl, natsUrl, logLevel, logger })
        : undefined;
      const ingest = createIngestService({
        databaseUrl,
        logger,
        configuration: context.configuration,
        limits: { bodyBytes: context.configuration.MAX_BODY_BYTES },
        ...(relay ? { onAppended: relay.ring, moreMetrics: relay.metrics } : {}),
      });
      await runService(createServiceGroup(relay ? [relay, ingest] : [ingest]), logger);
    });
}
