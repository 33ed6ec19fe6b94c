// Owns the Postgres of one test run. Ends it when told to (SIGTERM), and when the runner is gone, killed or not.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureNatsServer } from '../../src/embedded/install-nats-server.js';
import { isRunning } from '../../src/embedded/orphan.js';
import { startPostgres } from '../../src/embedded/postgres-server.js';
import { runFolder, serversFile, type TestServers } from './runner-file.js';
import { endAllHomes } from './test-home.js';

const runner = Number(process.argv[2]);
if (!(await ensureNatsServer(console.error))) process.exit(1);
const server = await startPostgres({
  home: join(runFolder(runner), 'postgres'),
  settings: {
    fsync: 'off',
    full_page_writes: 'off',
    max_connections: '400',
    autovacuum_naptime: '10min',
    checkpoint_timeout: '30min',
    log_min_messages: 'fatal',
  },
});

let ending = false;
const end = async () => {
  if (ending) return;
  ending = true;
  await Promise.allSettled([server.kill(), endAllHomes(runner)]); // Nothing of them is kept.
  rmSync(runFolder(runner), { recursive: true, force: true });
  process.exit();
};
process.on('SIGTERM', end);
process.on('SIGINT', end);
setInterval(() => isRunning(runner) || end(), 250);

const servers: TestServers = { postgresUrl: server.url, holderPid: process.pid };
writeFileSync(`${serversFile(runner)}.part`, JSON.stringify(servers), { mode: 0o600 });
renameSync(`${serversFile(runner)}.part`, serversFile(runner));
