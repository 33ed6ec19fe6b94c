// The servers under the roles: those that the environment names, else ones of our own.
import { join } from 'node:path';
import pg from 'pg';
import { ensureNatsServer } from '../../embedded/install-nats-server.js';
import { type KeptServer, keepServer } from '../../embedded/kept-server.js';
import { type NatsServer, startNats } from '../../embedded/nats-server.js';
import { type PostgresServer, startPostgres } from '../../embedded/postgres-server.js';
import { unlessAborted } from '../../embedded/unless-aborted.js';
import type { CommandContext } from '../context.js';
import { describeError } from '../describe-error.js';

/** Where the roles find their servers, and how those of our own are ended. */
export interface Servers {
  databaseUrl: string;
  natsUrl: string | undefined;
  /** Begins to write to disk what a stop would have to, while the roles still end. */
  flush(): void;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

type Say = (line: string) => void;

const POSTGRES_PORT = 54_320;
const NATS_PORT = 4_222;
const STOP_NATS_MS = 800;
const STOP_POSTGRES_MS = 1_200;

/**
 * Starts what the environment does not name. Without nats-server it goes on, and says so. `signal` gives a start up, and
 * ends what it began; from then on nothing is started again.
 */
export async function startServers(context: CommandContext, say: Say, signal: AbortSignal): Promise<Servers> {
  const { DATABASE_URL, NATS_URL } = context.configuration;
  let postgres: KeptServer<PostgresServer> | undefined;
  let nats: KeptServer<NatsServer> | undefined;
  const stop = async () => {
    await nats?.stop(STOP_NATS_MS);
    await postgres?.stop(STOP_POSTGRES_MS);
  };
  try {
    if (!DATABASE_URL) postgres = await keepPostgres(context.home, say, signal);
    if (!NATS_URL) nats = await keepNats(context.home, say, signal);
    return {
      databaseUrl: DATABASE_URL ?? (await unlessAborted(signal, () => ownDatabase(postgres!.server.url))),
      natsUrl: NATS_URL ?? nats?.server.url,
      flush: () => {
        if (postgres) ask(postgres.server.url, 'CHECKPOINT').catch(() => {});
      },
      stop,
      kill: async () => {
        await Promise.all([nats?.kill(), postgres?.stop(0)]);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function keepPostgres(
  home: string,
  say: Say,
  signal: AbortSignal,
): Promise<KeptServer<PostgresServer>> {
  say(`Postgres   starting (data in ${join(home, 'postgres')})`);
  return keepServer({
    name: 'Postgres',
    start: (signal, port) =>
      startPostgres({ home, preferredPort: POSTGRES_PORT, signal, ...(port ? { port } : {}) }),
    say,
    signal,
  });
}

async function keepNats(
  home: string,
  say: Say,
  signal: AbortSignal,
): Promise<KeptServer<NatsServer> | undefined> {
  if (!ensureNatsServer(say)) {
    say('NATS       not to be had: hookfold runs without the bus, and mirrors the log once NATS is there');
    return undefined;
  }
  say(`NATS       starting (streams in ${join(home, 'nats')})`);
  const start = (signal: AbortSignal, port?: number) =>
    startNats({ home, preferredPort: NATS_PORT, signal, ...(port ? { port } : {}) });
  try {
    return await keepServer({ name: 'nats-server', start, say, signal });
  } catch (error) {
    signal.throwIfAborted();
    say(`NATS       cannot be started: ${describeError(error)}`);
    say('           hookfold runs without the bus, and mirrors the log once NATS is there');
    return undefined;
  }
}

async function ownDatabase(serverUrl: string): Promise<string> {
  const found = await ask(serverUrl, "SELECT 1 FROM pg_database WHERE datname = 'hookfold'");
  if (found.rowCount === 0) await ask(serverUrl, 'CREATE DATABASE hookfold');
  const url = new URL(serverUrl);
  url.pathname = '/hookfold';
  return url.href;
}

async function ask(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}
