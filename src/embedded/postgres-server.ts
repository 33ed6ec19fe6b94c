// Postgres for one machine, from the binaries that npm installed. In: a home folder. Out: a URL that answers. The
// data outlive every stop, crash and kill; a server that a killed process left behind is shut down first.
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { findFreePort } from './free-port.js';
import { endOrphan, findOrphan } from './orphan.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import { preparePostgresData } from './postgres-data.js';
import { lastLines, type ServerProcess, startServerProcess } from './server-process.js';
import { findServerUser } from './server-user.js';
import { unlessAborted } from './unless-aborted.js';

/**
 * `home` is made if missing. `port` 0 (default) takes a free one, `preferredPort` if that is free. `settings` go to
 * `postgres -c name=value`; with `fsync` off, new data are not synced either. `signal` gives the start up, and ends what
 * it began; it does nothing later.
 */
export interface PostgresOptions {
  home: string;
  port?: number;
  preferredPort?: number;
  settings?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** A running server, on 127.0.0.1 only; `url` is its superuser's. */
export interface PostgresServer {
  url: string;
  port: number;
  pid: number;
  /** Resolves when the process has ended, for whatever reason, with a line that says how. */
  exited: Promise<string>;
  /** Fast shutdown: sessions are cut off, data written. After `withinMs` (5 s) it is ended without a checkpoint. */
  stop(withinMs?: number): Promise<void>;
  /** As a crash would: SIGKILL, nothing written. */
  kill(): Promise<void>;
}

const SETTINGS = {
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
};
const READY_WITHIN_MS = 60_000;

/** Starts Postgres on the data in `home`, making them if there are none; resolves when it answers. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  mkdirSync(options.home, { recursive: true });
  const home = realpathSync(options.home);
  const user = findServerUser(home);
  const binaries = findPostgresBinaries(home, user);
  const sync = options.settings?.fsync !== 'off';
  const { signal } = options;
  const data = await preparePostgresData(home, binaries, user, { sync, ...(signal ? { signal } : {}) });
  await unlessAborted(signal, () => endPostgresLeftBehind(home));
  const program = join(binaries.folder, 'bin', 'postgres');
  const settings = settingArguments({ ...SETTINGS, ...options.settings });
  const logFile = join(home, 'postgres.log');
  const attempt = async () => {
    const port = options.port || (await findFreePort(options.preferredPort));
    const args = ['-D', data.folder, '-p', String(port), ...settings];
    const server = await startServerProcess({ command: program, args, logFile, ...user });
    const url = `postgres://postgres:${data.password}@127.0.0.1:${port}/postgres`;
    try {
      await unlessAborted(signal, () => untilItAnswers(server, url, logFile));
    } catch (error) {
      await end(server, 1_000);
      throw error;
    }
    return { server, url, port };
  };
  return running(await persist(attempt, signal));
}

// A free port may be gone before it is used, and the backends of a postmaster that was killed hold its shared memory
// for a moment longer.
async function persist<Result>(attempt: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  for (let left = 4; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || signal?.aborted) throw error;
      await delay(150);
    }
  }
}

function running({
  server,
  url,
  port,
}: {
  server: ServerProcess;
  url: string;
  port: number;
}): PostgresServer {
  return {
    url,
    port,
    pid: server.pid,
    exited: server.exited,
    stop: (withinMs = 5_000) => end(server, withinMs),
    kill: () => server.end([{ signal: 'SIGKILL', withinMs: 5_000 }]),
  };
}

function end(server: ServerProcess, withinMs: number): Promise<void> {
  return server.end([
    { signal: 'SIGINT', withinMs },
    { signal: 'SIGQUIT', withinMs: 2_000 },
    { signal: 'SIGKILL', withinMs: 2_000 },
  ]);
}

/** Shuts down a Postgres of this home whose supervisor was killed. A stale pid file is none. */
export async function endPostgresLeftBehind(home: string): Promise<void> {
  const place = join(home, 'postgres');
  if (!existsSync(place)) return;
  const data = join(realpathSync(place), 'data');
  const orphan = findOrphan(join(data, 'postmaster.pid'), data);
  if (orphan !== undefined) await endOrphan(orphan, ['SIGINT', 'SIGQUIT']);
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function untilItAnswers(server: ServerProcess, url: string, logFile: string): Promise<void> {
  let lastError: unknown;
  for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await delay(20)) {
    if (!server.isAlive())
      throw new Error(`Postgres ${await server.exited} while starting. It said:\n${lastLines(logFile)}`);
    try {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
      client.on('error', () => {});
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      lastError = error;
    }
  }
  throw new Error(`Postgres did not answer within ${READY_WITHIN_MS / 1000} s. See ${logFile}`, {
    cause: lastError,
  });
}
