// A server that is started again when it ends without having been told to.
import { setTimeout as delay } from 'node:timers/promises';

interface Server {
  port: number;
  exited: Promise<string>;
  stop(withinMs?: number): Promise<void>;
  kill(): Promise<void>;
}

/** `start` is given the port of the first run, so that URLs stay true; `say` is told of crashes. */
export interface KeptServerOptions<Kind extends Server> {
  name: string;
  start(port?: number): Promise<Kind>;
  say(line: string): void;
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
  const first = await options.start();
  let current = first;
  let ending = false;
  const watch = async () => {
    for (;;) {
      const how = await current.exited;
      if (ending) return;
      say(`${name} ${how}; starting it again`);
      await startAgain();
    }
  };
  const startAgain = async () => {
    while (!ending) {
      try {
        current = await options.start(first.port);
        if (ending) await current.kill();
        return say(`${name} runs again`);
      } catch (error) {
        say(`${name} cannot be started: ${(error as Error).message}`);
        await delay(RETRY_MS);
      }
    }
  };
  void watch();
  const end = (how: (server: Kind) => Promise<void>) => {
    ending = true;
    return how(current);
  };
  return {
    server: first,
    stop: (withinMs) => end((server) => server.stop(withinMs)),
    kill: () => end((server) => server.kill()),
  };
}
