import type { Test } from 'tap';
import { type NatsServer, startNats } from '../../src/embedded/nats-server.js';
import { createTestHome } from './test-home.js';

/** A nats-server of its own for one test, with JetStream. It keeps port and streams over stop, kill and start. */
export interface TestBus {
  url: string;
  port: number;
  version: string;
  storeDir: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts the server; it ends with the test, and its streams go. `maxPayload` in bytes (default: the server's 1 MB). */
export async function createTestBus(
  t: Pick<Test, 'teardown'>,
  options: { maxPayload?: number } = {},
): Promise<TestBus> {
  const home = createTestHome(t);
  let server: NatsServer = await startNats({ home, ...options });
  const { port, url, version, storeDir } = server;
  t.teardown(() => server.kill());
  return {
    url,
    port,
    version,
    storeDir,
    start: async () => {
      server = await startNats({ home, port, ...options });
    },
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}
