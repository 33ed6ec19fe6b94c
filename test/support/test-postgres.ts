import type { Test } from 'tap';
import { type PostgresServer, startPostgres } from '../../src/embedded/postgres-server.js';
import { createTestHome } from './test-home.js';

/** A Postgres of its own for one test, empty. It keeps port and data over stop, kill and start. */
export interface TestPostgres {
  /** As superuser, in the database `postgres`. */
  url: string;
  port: number;
  pid(): number;
  start(settings?: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts the server (about a second); it ends with the test, and its data go. Migrate it as the test needs. */
export async function createTestPostgres(
  t: Pick<Test, 'teardown'>,
  settings: Record<string, string> = {},
): Promise<TestPostgres> {
  const home = createTestHome(t);
  const options = { home, settings: { fsync: 'off', shared_buffers: '32MB', ...settings } };
  let server: PostgresServer = await startPostgres(options);
  const { port, url } = server;
  t.teardown(() => server.kill());
  return {
    url,
    port,
    pid: () => server.pid,
    start: async (changed = {}) => {
      server = await startPostgres({ ...options, port, settings: { ...options.settings, ...changed } });
    },
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}
