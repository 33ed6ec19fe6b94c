// The servers under the roles: those that the environment names, else ones of our own. The door needs Postgres and nothing
// else, so nobody waits for NATS: its port is chosen first, and it comes when it can.
import { join } from 'node:path';
import pg from 'pg';
import { findProgram } from '../../embedded/find-program.js';
import { findFreePort } from '../../embedded/free-port.js';
import { ensureNatsServer } from '../../embedded/install-nats-server.js';
import { type KeptServer, keepServer } from '../../embedded/kept-server.js';
import { endNatsLeftBehind, startNats } from '../../embedded/nats-server.js';
import { startPostgres } from '../../embedded/postgres-server.js';
import { unlessAborted } from '../../embedded/unless-aborted.js';
import type { CommandContext } from '../context.js';
import { describeError } from '../describe-error.js';

/** Where the roles find their servers, and how those of our own are ended. */
export interface Servers {
  databaseUrl: string;
  /** NATS may not be there yet. */
  natsUrl: string;
  /** Begins to write to disk what a stop would have to, while the roles still end. */
  flush(): void;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

type Say = (line: string) => void;

/** A server of our own: its URL, and how it is ended. */
interface OwnServer extends KeptServer {
  url: string;
}

const POSTGRES_PORT = 54_320;
const NATS_PORT = 4_222;
const STOP_NATS_MS = 800;
const STOP_POSTGRES_MS = 1_200;

/**
 * Starts what the environment does not name; resolves when Postgres answers. `signal` gives a start up, and ends what it
 * began; from then on nothing is started again.
 */
export async function startServers(context: CommandContext, say: Say, signal: AbortSignal): Promise<Servers> {
  const { DATABASE_URL, NATS_URL } = context.configuration;
  let postgres: OwnServer | undefined;
  let nats: OwnServer | undefined;
  const stop = async () => {
    await nats?.stop(STOP_NATS_MS);
    await postgres?.stop(STOP_POSTGRES_MS);
  };
  try {
    if (!NATS_URL) nats = await keepNats(context.home, say, signal);
    if (!DATABASE_URL) postgres = await keepPostgres(context.home, say, signal);
    return {
      databaseUrl: DATABASE_URL ?? (await unlessAborted(signal, () => ownDatabase(postgres!.url))),
      natsUrl: NATS_URL ?? nats!.url,
      flush: () => {
        if (postgres) ask(postgres.url, 'CHECKPOINT').catch(() => {});
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

async function keepPostgres(home: string, say: Say, signal: AbortSignal): Promise<OwnServer> {
  say(`Postgres   starting (data in ${join(home, 'postgres')})`);
  const first = await startPostgres({ home, preferredPort: POSTGRES_PORT, signal });
  const start = (signal: AbortSignal) => startPostgres({ home, port: first.port, signal });
  return { url: first.url, ...keepServer({ name: 'Postgres', start, say, signal }, first) };
}

async function keepNats(home: string, say: Say, signal: AbortSignal): Promise<OwnServer> {
  // One that cannot be ended is told of when ours is started.
  await unlessAborted(signal, () => endNatsLeftBehind(home).catch(() => {}));
  // The package that is installed may bring a service of its own, on that port.
  const port = await findFreePort(findProgram('nats-server') ? NATS_PORT : 0);
  say(`NATS       starting (streams in ${join(home, 'nats')})`);
  const installed = ensureNatsServer(say);
  const start = async (signal: AbortSignal) => {
    try {
      await unlessAborted(signal, () => installed);
      return await startNats({ home, port, signal });
    } catch (error) {
      throw new Error(
        `${describeError(error)}\nUntil it can, hookfold runs without the bus, and mirrors the log then.`,
        { cause: error },
      );
    }
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    ...keepServer({ name: 'nats-server', start, say, signal }),
  };
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
