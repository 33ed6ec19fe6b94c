// Runs after the test files: ends the Postgres of this run and waits until it is gone.
import { existsSync } from 'node:fs';
import { endOrphan, isRunning } from '../../src/embedded/orphan.js';
import { readTestServers, serversFile } from './runner-file.js';

if (existsSync(serversFile())) {
  const { holderPid } = readTestServers();
  if (isRunning(holderPid)) await endOrphan(holderPid, ['SIGTERM', 'SIGKILL']);
}
