// A server that is started until it runs, and again when it ends without having been told to.
import { setTimeout as delay } from 'node:timers/promises';

interface Server {
  exited: Promise<string>;
  stop(withinMs?: number): Promise<void>;
  kill(): Promise<void>;
}

export interface KeptServerOptions<Kind extends Server> {
  name: string;
  /**
   * Always on the same port, so that URLs stay true. Rejects soon once `signal` is aborted, and leaves nothing running
   * then.
   */
  start(signal: AbortSignal): Promise<Kind>;
  /** Told of crashes, and of a first start that failed; of those that fail after it nothing is said. */
  say(line: string): void;
  /** Once aborted, nothing is started any more. What runs is ended by `stop` or `kill` only. */
  signal: AbortSignal;
}

export interface KeptServer {
  stop(withinMs: number): Promise<void>;
  kill(): Promise<void>;
}

const RETRY_MS = 1_000;

/** Keeps a server running until `stop` or `kill`: `running`, or where there is none yet, one that it starts. */
export function keepServer<Kind extends Server>(
  { name, start, say, signal }: KeptServerOptions<Kind>,
  running?: Kind,
): KeptServer {
  const told = new AbortController();
  const ending = AbortSignal.any([signal, told.signal]);
  let current = running;
  let starting = Promise.resolve();

  const keep = async () => {
    while (!ending.aborted) {
      const how = await current?.exited;
      if (ending.aborted) return;
      if (how !== undefined) say(`${name} ${how}; starting it again`);
      starting = startUntilItRuns();
      await starting;
    }
  };
  const startUntilItRuns = async () => {
    const isRestart = current !== undefined;
    for (let failed = false; !ending.aborted; failed = true) {
      try {
        current = await start(ending);
        if (isRestart || failed) say(`${name} runs${isRestart ? ' again' : ''}`);
        return;
      } catch (error) {
        if (ending.aborted) return;
        if (!failed) say(`${name} cannot be started: ${(error as Error).message}`);
        await delay(RETRY_MS, undefined, { signal: ending }).catch(() => {});
      }
    }
  };
  void keep();
  const end = async (how: (server: Kind) => Promise<void>) => {
    told.abort();
    await starting; // Else its server would outlive us.
    if (current) await how(current);
  };
  return {
    stop: (withinMs) => end((server) => server.stop(withinMs)),
    kill: () => end((server) => server.kill()),
  };
}
