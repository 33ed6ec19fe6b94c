// The servers of a run: those named, else our own on data that go with the run.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startNats } from '../src/embedded/nats-server.js';
import { startPostgres } from '../src/embedded/postgres-server.js';
import { migrateLog } from '../src/log/migrate-log.js';
import { createPool } from '../src/postgres/connect.js';
import { migrateReadModels } from '../src/read-models/migrate-read-models.js';
import type { BenchDatabase } from './bench.js';

/** A server that a bench may take away and bring back. */
export interface Server {
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface ServersDescription {
  postgresUrl: string;
  natsUrl: string;
  /** Versions, and the settings that matter. */
  postgres: string;
  nats: string;
  /** Undefined where it is not ours. */
  natsServer: Server | undefined;
  stop(): Promise<void>;
}

/** Starts what is not named. fsync and synchronous_commit stay on. */
export async function startServers(named: {
  databaseUrl?: string;
  natsUrl?: string;
}): Promise<ServersDescription> {
  const home = mkdtempSync(join(tmpdir(), 'hookfold-bench-'));
  chmodSync(home, 0o755);
  const postgres = named.databaseUrl ? undefined : await startPostgres({ home });
  const nats = named.natsUrl ? undefined : await startOwnNats(home);
  const postgresUrl = named.databaseUrl ?? postgres!.url;
  return {
    postgresUrl,
    natsUrl: named.natsUrl ?? nats!.url,
    postgres: await describePostgres(postgresUrl),
    nats: nats?.version ?? 'as named',
    natsServer: nats,
    async stop() {
      await nats?.stop();
      await postgres?.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function startOwnNats(home: string): Promise<Server & { url: string; version: string }> {
  let server = await startNats({ home });
  const { url, port, version } = server;
  return {
    url,
    version,
    stop: () => server.stop(),
    start: async () => {
      server = await startNats({ home, port });
    },
  };
}

async function describePostgres(url: string): Promise<string> {
  const { rows } = await asking(
    url,
    `SELECT string_agg(name || '=' || current_setting(name), ' ' ORDER BY name) AS settings
     FROM unnest(ARRAY['server_version', 'fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size']) AS name`,
  );
  return rows[0].settings;
}

/** Makes a database on the server and migrates it. */
export async function createDatabase(serverUrl: string): Promise<BenchDatabase & { drop(): Promise<void> }> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  await asking(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await migrateLog(url.href);
  await migrateReadModels(url.href);
  const pool = createPool(url.href);
  const drop = async () => {
    await pool.end();
    await asking(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  };
  return { url: url.href, pool, drop };
}

async function asking(url: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}
