// Runs after the test files: ends the Postgres of this run and waits until it is gone.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { readTestServers, runFolder, serversFile } from './runner-file.js';

const WITHIN_MS = 10_000;

if (existsSync(serversFile())) {
  process.kill(readTestServers().holderPid, 'SIGTERM');
  for (const until = Date.now() + WITHIN_MS; existsSync(runFolder()) && Date.now() < until; ) await delay(20);
}
