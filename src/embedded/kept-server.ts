// A server that is started again when it ends without having been told to.
import { setTimeout as delay } from 'node:timers/promises';

interface Server {
  port: number;
  exited: Promise<string>;
  stop(withinMs?: number): Promise<void>;
  kill(): Promise<void>;
}

export interface KeptServerOptions<Kind extends Server> {
  name: string;
  /**
   * Given the port of the first run, so that URLs stay true. Rejects soon once `signal` is aborted, and leaves nothing
   * running then.
   */
  start(signal: AbortSignal, port?: number): Promise<Kind>;
  /** Told of crashes. */
  say(line: string): void;
  /** Once aborted, nothing is started any more. What runs is ended by `stop` or `kill` only. */
  signal: AbortSignal;
}

export interface KeptServer<Kind extends Server> {
  /** The server of the first start. */
  server: Kind;
  stop(withinMs: number): Promise<void>;
  kill(): Promise<void>;
}

const RETRY_MS = 1_000;

/** Starts the server and keeps it running until `stop` or `kill`; throws if the first start fails. */
export async function keepServer<Kind extends Server>(
  options: KeptServerOptions<Kind>,
): Promise<KeptServer<Kind>> {
  const { name, say } = options;
  const told = new AbortController();
  const ending = AbortSignal.any([options.signal, told.signal]);
  const first = await options.start(ending);
  let current = first;
  let restarted = Promise.resolve();
  const watch = async () => {
    for (;;) {
      const how = await current.exited;
      if (ending.aborted) return;
      say(`${name} ${how}; starting it again`);
      restarted = startAgain();
      await restarted;
    }
  };
  const startAgain = async () => {
    while (!ending.aborted) {
      try {
        current = await options.start(ending, first.port);
        return say(`${name} runs again`);
      } catch (error) {
        if (ending.aborted) return;
        say(`${name} cannot be started: ${(error as Error).message}`);
        await delay(RETRY_MS, undefined, { signal: ending }).catch(() => {});
      }
    }
  };
  void watch();
  const end = async (how: (server: Kind) => Promise<void>) => {
    told.abort();
    await restarted; // Else its server would outlive us.
    await how(current);
  };
  return {
    server: first,
    stop: (withinMs) => end((server) => server.stop(withinMs)),
    kill: () => end((server) => server.kill()),
  };
}
