// Where the servers of one test run say how to reach them. A run is known by its runner's pid: the parent of the
// `before` script, of every test file and of the `after` script alike.
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestServers {
  postgresUrl: string;
  holderPid: number;
}

/** The folder of the run whose runner is `pid`. */
export function runFolder(pid = process.ppid): string {
  return join(tmpdir(), `hookfold-test-${process.geteuid?.() ?? 'user'}-${pid}`);
}

/** The file, in the run's folder, that exists once the servers are up. */
export function serversFile(pid = process.ppid): string {
  return join(runFolder(pid), 'servers.json');
}

/** Reads how to reach this run's servers. */
export function readTestServers(): TestServers {
  try {
    return JSON.parse(readFileSync(serversFile(), 'utf8'));
  } catch (cause) {
    throw new Error('this run has no Postgres. Run tests through tap: npx tap test/….test.ts', { cause });
  }
}
