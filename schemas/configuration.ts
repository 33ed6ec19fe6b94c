// The environment that every role reads, once, in `main.ts`.
import { type Static, Type } from '@sinclair/typebox';

const Port = (fallback: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: fallback, description });

export const Configuration = Type.Object({
  DATABASE_URL: Type.Optional(Type.String({ description: 'Postgres of the log (15 to 18)' })),
  READ_DATABASE_URL: Type.Optional(
    Type.String({ description: 'Postgres of the read models; default: DATABASE_URL' }),
  ),
  RELAY_DATABASE_URL: Type.Optional(
    Type.String({
      description: "The log's Postgres for the relay of ingest, as a user of its own; default: DATABASE_URL",
    }),
  ),
  NATS_URL: Type.Optional(Type.String({ description: 'nats-server with JetStream (2.9.10 or newer)' })),
  INGEST_PORT: Port(8080, 'Port of the door'),
  QUERY_PORT: Port(8081, 'Port of the query API'),
  PROJECTOR_PORT: Port(0, "Port of the projector's health and metrics; 0 takes a free one"),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
  MAX_BODY_BYTES: Type.Integer({
    minimum: 1024,
    maximum: 32 * 1024 * 1024,
    default: 5 * 1024 * 1024,
    description: 'largest body that the door takes, 1 kB to 32 MB',
  }),
  HOOKFOLD_DATA: Type.String({ default: '.hookfold', description: "The embedded servers' home" }),
  LOG_LEVEL: Type.String({
    default: 'info',
    pattern: '^(trace|debug|info|warn|error|fatal|silent)$',
    description: 'trace, debug, info, warn, error, fatal or silent',
  }),
});
export type Configuration = Static<typeof Configuration>;
