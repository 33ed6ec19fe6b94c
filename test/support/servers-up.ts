// Runs before the test files: one Postgres for them all, owned by a process that ends it with the test runner.
// (This file imports nothing of src/, since tap would report how much of it was covered by just this.)
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runFolder, serversFile } from './runner-file.js';

const folder = runFolder();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
chmodSync(folder, 0o755); // Whatever the umask: as root, the server's user has to get in.

const logFile = join(folder, 'holder.log');
const log = openSync(logFile, 'a');
const holder = spawn(
  process.execPath,
  [...process.execArgv, fileURLToPath(new URL('hold-servers.ts', import.meta.url)), String(process.ppid)],
  { detached: true, stdio: ['ignore', log, log], env: { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0' } },
);
closeSync(log);
holder.unref();
while (!existsSync(serversFile())) {
  if (holder.exitCode !== null)
    throw new Error(`the test servers did not start:\n${readFileSync(logFile, 'utf8')}`);
  await delay(20);
}
