// The roles on one machine: each a process of its own, so that a busy fold never delays an acknowledgement.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endOrphan, hasEnded } from '../../embedded/orphan.js';
import { isSameProcess } from '../../embedded/process-identity.js';
import { createRoleProcess, type RoleProcess } from '../../embedded/role-process.js';
import { readLastRunFile } from '../../embedded/run-file.js';
import { CLOSED_WITHIN_MS } from '../../ingest/service.js';
import type { CommandContext } from '../context.js';
import type { Ports } from './ports.js';
import type { Servers } from './servers.js';

const ROLES = ['ingest', 'projector', 'query'] as const;
const STOP_INGEST_MS = CLOSED_WITHIN_MS + 500;
const STOP_OTHERS_MS = 1_500;
/** A role gives itself nine seconds. */
const END_BY_THEMSELVES_MS = 10_000;

/** All roles as one. `changed` is called whenever a process of theirs is another one. */
export interface Roles {
  start(): Promise<void>;
  /** The door first, so that nothing new comes in; then those that read. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  processes(): readonly RoleProcess[];
}

/** The roles of one machine, not yet running; what they log goes to `logs` in the home. */
export function createRoles(
  context: CommandContext,
  servers: Servers,
  ports: Ports,
  say: (line: string) => void,
  changed: () => void,
): Roles {
  const logs = join(context.home, 'logs');
  mkdirSync(logs, { recursive: true });
  const program = fileURLToPath(new URL('../../main.js', import.meta.url));
  const environment = roleEnvironment(context, servers, ports);
  const processes = ROLES.map((role) =>
    createRoleProcess({ role, program, environment, logFile: join(logs, `${role}.log`), say, changed }),
  );
  const [ingest, ...others] = processes;
  return {
    processes: () => processes,
    start: async () => {
      await Promise.all(processes.map((process) => process.start()));
    },
    stop: async () => {
      await ingest?.stop(STOP_INGEST_MS);
      await Promise.all(others.map((process) => process.stop(STOP_OTHERS_MS)));
    },
    kill: async () => {
      await Promise.all(processes.map((process) => process.stop(0)));
    },
  };
}

/**
 * Waits until the roles of a killed start have ended by themselves: the door answers what is in flight first, and a signal
 * would be its second request to stop. Those that do not end in time are killed.
 */
export async function endRolesLeftBehind(home: string): Promise<void> {
  const left = readLastRunFile(home)?.roles.filter(isSameProcess) ?? [];
  await Promise.all(
    left.map(async ({ pid }) => (await hasEnded(pid, END_BY_THEMSELVES_MS)) || endOrphan(pid, ['SIGKILL'])),
  );
}

function roleEnvironment(context: CommandContext, servers: Servers, ports: Ports): NodeJS.ProcessEnv {
  const { configuration, home } = context;
  return {
    ...process.env,
    DATABASE_URL: servers.databaseUrl,
    READ_DATABASE_URL: configuration.READ_DATABASE_URL ?? '',
    NATS_URL: servers.natsUrl,
    HOOKFOLD_DATA: home,
    HOST: configuration.HOST,
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
  };
}
