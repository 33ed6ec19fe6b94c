// Everything on one machine, in the order it is needed: servers, migrations, first access, roles.
import { mkdirSync } from 'node:fs';
import { lockHome } from '../../embedded/home-lock.js';
import { identify, type ProcessIdentity } from '../../embedded/process-identity.js';
import { removeRunFile, writeRunFile } from '../../embedded/run-file.js';
import type { CommandContext } from '../context.js';
import { migrateAll } from '../migrate.js';
import { type Access, ensureAccess } from './access.js';
import { choosePorts, type Ports, urlOf } from './ports.js';
import { createRoles, endRolesLeftBehind, type Roles } from './roles.js';
import { type Servers, startServers } from './servers.js';

/** What runs, and how it ends. `stop` takes less than ten seconds, whatever is in flight. */
export interface OneMachine {
  access: Access;
  databaseUrl: string;
  natsUrl: string | undefined;
  ingestUrl: string;
  queryUrl: string;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

type Say = (line: string) => void;

/** Starts it all; on failure what was started is stopped again. */
export async function startOneMachine(context: CommandContext, say: Say): Promise<OneMachine> {
  mkdirSync(context.home, { recursive: true });
  const unlock = await lockHome(context.home);
  const parts: { servers?: Servers; roles?: Roles } = {};
  const end = async (how: 'stop' | 'kill') => {
    parts.servers?.flush();
    await parts.roles?.[how]();
    await parts.servers?.[how]();
    removeRunFile(context.home);
    unlock();
  };
  try {
    await endRolesLeftBehind(context.home);
    const ports = await choosePorts(context);
    const servers = await startServers(context, say);
    parts.servers = servers;
    const readUrl = context.configuration.READ_DATABASE_URL ?? servers.databaseUrl;
    await migrateAll(servers.databaseUrl, readUrl);
    const access = await ensureAccess(context.home, servers.databaseUrl, readUrl);
    parts.roles = await startRoles(context, servers, ports, say);
    const { databaseUrl, natsUrl } = servers;
    const { ingestUrl, queryUrl } = urls(context, ports);
    return {
      access,
      databaseUrl,
      natsUrl,
      ingestUrl,
      queryUrl,
      stop: () => end('stop'),
      kill: () => end('kill'),
    };
  } catch (error) {
    await end('stop');
    throw error;
  }
}

async function startRoles(context: CommandContext, servers: Servers, ports: Ports, say: Say): Promise<Roles> {
  const writeRun = () => {
    const { databaseUrl, natsUrl } = servers;
    const processes = roles.processes().map((role) => role.identity());
    writeRunFile(context.home, {
      supervisor: identify(process.pid),
      databaseUrl,
      ...(natsUrl ? { natsUrl } : {}),
      ...urls(context, ports),
      roles: processes.filter((identity): identity is ProcessIdentity => identity !== undefined),
    });
  };
  const roles: Roles = createRoles(context, servers, ports, say, writeRun);
  try {
    await roles.start();
  } catch (error) {
    await roles.stop();
    throw error;
  }
  return roles;
}

function urls(context: CommandContext, ports: Ports) {
  return {
    ingestUrl: urlOf(context, ports.INGEST_PORT),
    queryUrl: urlOf(context, ports.QUERY_PORT),
    projectorUrl: urlOf(context, ports.PROJECTOR_PORT),
  };
}
