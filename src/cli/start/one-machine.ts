// Everything on one machine, in the order it is needed: servers, migrations, first access, roles.
import { mkdirSync } from 'node:fs';
import { lockHome } from '../../embedded/home-lock.js';
import { identify, type ProcessIdentity } from '../../embedded/process-identity.js';
import { readRunFile, removeRunFile, writeRunFile } from '../../embedded/run-file.js';
import { unlessAborted } from '../../embedded/unless-aborted.js';
import type { CommandContext } from '../context.js';
import { migrateAll } from '../migrate.js';
import { type Access, ensureAccess } from './access.js';
import { choosePorts, type Ports, urlOf } from './ports.js';
import { createRoles, endRolesLeftBehind, type Roles } from './roles.js';
import { type Servers, startServers } from './servers.js';

/** What runs, once all does. */
export interface Running {
  access: Access;
  databaseUrl: string;
  natsUrl: string;
  ingestUrl: string;
  queryUrl: string;
}

/** `stop` and `kill` may be called while `start` is at work, which then fails. */
export interface OneMachine {
  start(): Promise<Running>;
  /** Ends everything in order, in less than ten seconds, whatever is in flight. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): Promise<void>;
}

type Say = (line: string) => void;

/** Nothing runs until `start`; what a failed start leaves, `stop` ends. */
export function createOneMachine(context: CommandContext, say: Say): OneMachine {
  let servers: Servers | undefined;
  let roles: Roles | undefined;
  let unlock: (() => void) | undefined;
  let starting: Promise<Running> | undefined;
  const ending = new AbortController();

  // Left to itself by a stop: whoever holds a lock or does not answer must not hold that up.
  const step = <Result>(work: () => Promise<Result>) => unlessAborted(ending.signal, work);
  const start = async (): Promise<Running> => {
    mkdirSync(context.home, { recursive: true });
    unlock = await lockHome(context.home);
    await step(() => endRolesLeftBehind(context.home));
    const ports = await step(() => choosePorts(context));
    servers = await startServers(context, say, ending.signal);
    const { databaseUrl, natsUrl } = servers;
    const readDatabaseUrl = context.configuration.READ_DATABASE_URL ?? databaseUrl;
    await step(() => migrateAll(databaseUrl, readDatabaseUrl));
    const access = await step(() => ensureAccess(context.home, databaseUrl));
    const { ingestUrl, queryUrl } = urls(context, ports);
    const made = createRoles(context, servers, ports, say, () => writeRun(context, servers!, ports, made));
    roles = made;
    await step(made.start);
    return { access, databaseUrl, natsUrl, ingestUrl, queryUrl };
  };
  const end = async (how: 'stop' | 'kill') => {
    ending.abort(new Error('told to stop while starting'));
    await starting?.catch(() => {}); // Soon: what it waits for is given up.
    servers?.flush();
    await roles?.[how]();
    await servers?.[how]();
    // That of a killed start names roles that still end, and that the next start has to wait for.
    if (readRunFile(context.home)?.supervisor.pid === process.pid) removeRunFile(context.home);
    unlock?.();
  };
  return {
    start: () => {
      starting ??= start();
      return starting;
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
  };
}

function writeRun(
  context: CommandContext,
  { databaseUrl, natsUrl }: Servers,
  ports: Ports,
  roles: Roles,
): void {
  const { READ_DATABASE_URL: readDatabaseUrl } = context.configuration;
  const processes = roles.processes().map((role) => role.identity());
  writeRunFile(context.home, {
    supervisor: identify(process.pid),
    databaseUrl,
    ...(readDatabaseUrl ? { readDatabaseUrl } : {}),
    natsUrl,
    ...urls(context, ports),
    roles: processes.filter((identity): identity is ProcessIdentity => identity !== undefined),
  });
}

function urls(context: CommandContext, ports: Ports) {
  return {
    ingestUrl: urlOf(context, ports.INGEST_PORT),
    queryUrl: urlOf(context, ports.QUERY_PORT),
    projectorUrl: urlOf(context, ports.PROJECTOR_PORT),
  };
}
