import type { Command } from 'commander';
import { Registry } from 'prom-client';
import { createIngestService } from '../ingest/service.js';
import { createRelayService } from '../relay/relay-service.js';
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
      const metrics = new Registry();
      const shared = { databaseUrl: context.databaseUrl(), logger, metrics };
      const natsUrl = context.natsUrl();
      // As a user of its own it can be the only one of the two that may read the log.
      const relayUrl = context.configuration.RELAY_DATABASE_URL ?? shared.databaseUrl;
      const relay = natsUrl ? createRelayService({ ...shared, databaseUrl: relayUrl, natsUrl }) : undefined;
      const ingest = createIngestService({
        ...shared,
        configuration: context.configuration,
        limits: { bodyBytes: context.configuration.MAX_BODY_BYTES },
        ...(relay ? { onAppended: relay.ring } : {}),
      });
      await runService(createServiceGroup(relay ? [relay, ingest] : [ingest]), logger);
    });
}
