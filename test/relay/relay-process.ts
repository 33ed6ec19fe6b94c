// A relay as a process of its own, to be killed: DATABASE_URL and NATS_URL say between what.
import pino from 'pino';
import { Registry } from 'prom-client';
import { createRelayService } from '../../src/relay/relay-service.js';

const relay = createRelayService({
  databaseUrl: process.env.DATABASE_URL!,
  natsUrl: process.env.NATS_URL!,
  logger: pino({ level: 'silent' }),
  metrics: new Registry(),
  limits: { events: 5, bytes: 100_000 },
  leaseTtlMs: 2000,
});
await relay.start();
process.on('disconnect', () => process.exit());
setInterval(() => process.send?.(relay.status()), 5);
