// Roles as `hookfold` runs them, each a process of its own, with a source to send to.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../src/embedded/free-port.js';
import { createRoleProcess, type RoleProcess } from '../src/embedded/role-process.js';
import { addSource } from '../src/log/source-change.js';
import { addKey } from '../src/query/api-key.js';
import type { BenchContext, BenchDatabase } from './bench.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const STOP_MS = 9_000;

export interface RunningRole {
  url: string;
  process: RoleProcess;
  stop(): Promise<void>;
}

/** Starts a role on a database; it is stopped with the bench. `bus` false: without NATS. */
export async function startRole(
  { natsUrl, atEnd }: BenchContext,
  role: 'ingest' | 'projector' | 'query',
  { url }: BenchDatabase,
  { bus = true } = {},
): Promise<RunningRole> {
  const folder = mkdtempSync(join(tmpdir(), 'hookfold-role-'));
  const port = await findFreePort();
  const environment = {
    ...process.env,
    DATABASE_URL: url,
    READ_DATABASE_URL: '',
    NATS_URL: bus ? await natsUrl() : '',
    HOOKFOLD_DATA: folder,
    HOST: '127.0.0.1',
    [`${role.toUpperCase()}_PORT`]: String(port),
    LOG_LEVEL: 'warn',
  };
  const logFile = join(folder, 'log');
  const child = createRoleProcess({
    role,
    program: MAIN,
    environment,
    logFile,
    say: console.error,
    changed() {},
  });
  await child.start();
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await child.stop(STOP_MS);
    rmSync(folder, { recursive: true, force: true });
  };
  atEnd(stop);
  return { url: `http://127.0.0.1:${port}`, process: child, stop };
}

/** Makes a source; answers the path to post to. */
export async function createSource({ pool }: BenchDatabase): Promise<string> {
  const { token } = await addSource(pool, 'bench');
  return `/webhooks/bench/${token}`;
}

/** Makes an admin key of the query API. */
export async function createKey({ pool }: BenchDatabase): Promise<string> {
  const { key } = await addKey(pool, { name: 'bench', admin: true });
  return key;
}
