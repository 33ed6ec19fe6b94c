import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { endNatsLeftBehind } from '../../src/embedded/nats-server.js';
import { endOrphan } from '../../src/embedded/orphan.js';
import { endPostgresLeftBehind } from '../../src/embedded/postgres-server.js';
import { isSameProcess } from '../../src/embedded/process-identity.js';
import { readLastRunFile } from '../../src/embedded/run-file.js';
import { runFolder } from './runner-file.js';

/**
 * A fresh folder for servers of one test, or for a `hookfold start` (as HOOKFOLD_DATA). What runs in it ends with the
 * test; where the test is killed, with the run.
 */
export function createTestHome(t: Pick<Test, 'teardown'>): string {
  mkdirSync(homesFolder(), { recursive: true });
  const home = mkdtempSync(join(homesFolder(), 'home-'));
  // As root, the user that Postgres runs as has to get in, whatever the umask.
  for (const folder of [homesFolder(), home]) chmodSync(folder, 0o755);
  t.teardown(async () => {
    await endHome(home);
    rmSync(home, { recursive: true, force: true });
  });
  return home;
}

/** Ends what is left running in all homes of the run of `runner`. */
export async function endAllHomes(runner: number): Promise<void> {
  const folder = homesFolder(runner);
  const homes = existsSync(folder) ? readdirSync(folder) : [];
  await Promise.all(homes.map((name) => endHome(join(folder, name))));
}

async function endHome(home: string): Promise<void> {
  const run = readLastRunFile(home);
  const left = [run?.supervisor, ...(run?.roles ?? [])].filter((one) => one && isSameProcess(one));
  for (const one of left) await endOrphan(one!.pid, ['SIGKILL']);
  await endNatsLeftBehind(home);
  await endPostgresLeftBehind(home);
}

function homesFolder(runner?: number): string {
  return join(runFolder(runner), 'homes');
}
