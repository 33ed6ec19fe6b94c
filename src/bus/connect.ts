// The connection to NATS, which may come and go. Nobody waits for it: whoever has use for it asks whether it is there.
import { setTimeout as delay } from 'node:timers/promises';
import { connect, Events, type NatsConnection } from 'nats';
import type { BaseLogger } from 'pino';
import type { Service } from '../service.js';
import { parseNatsUrl } from './nats-url.js';

export interface BusOptions {
  /** See `parseNatsUrl`. */
  natsUrl: string;
  /** Name of the connection, shown by the server's monitoring. */
  name: string;
  logger: Pick<BaseLogger, 'info' | 'warn'>;
}

/** A connection that is made, kept and made again in the background. `start` does not wait for the server. */
export interface Bus extends Service {
  /** The connection while the server is there. */
  connection(): NatsConnection | undefined;
  /** Rises with each connection and reconnection: what was known of the server before may no longer hold. */
  epoch(): number;
  /** Resolves when the present connection is lost, at once where there is none. */
  gone(): Promise<void>;
  /** Calls `use` with every connection made from now on, and with the present one. Subscriptions made in it survive reconnections. */
  onConnection(use: (connection: NatsConnection) => void): void;
}

const RETRY_MS = 500;

/** A bus that connects once it is started; see `Bus`. */
export function createBus({ natsUrl, name, logger }: BusOptions): Bus {
  const users: ((connection: NatsConnection) => void)[] = [];
  let made: NatsConnection | undefined;
  let up = false;
  let epoch = 0;
  let lost = Promise.resolve();
  let lose = () => {};
  let stopping: AbortController | undefined;
  let running: Promise<void> | undefined;

  async function run(signal: AbortSignal): Promise<void> {
    for (let told = false; !signal.aborted; ) {
      try {
        made = await dial(natsUrl, name);
        told = false;
        await use(made, signal);
      } catch (error) {
        if (!told) logger.warn({ err: error }, 'NATS is away; trying again until it is there');
        told = true;
      }
      turnDown();
      made = undefined;
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async function use(connection: NatsConnection, signal: AbortSignal): Promise<void> {
    const close = () => void connection.close().catch(() => {});
    if (signal.aborted) return close();
    signal.addEventListener('abort', close);
    turnUp(connection);
    for (const user of users) user(connection);
    void follow(connection);
    await connection.closed();
    signal.removeEventListener('abort', close);
  }

  async function follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Reconnect) turnUp(connection);
      if (status.type === Events.Disconnect) {
        turnDown();
        logger.warn('NATS went away; reconnecting until it is there');
      }
    }
  }

  function turnUp(connection: NatsConnection): void {
    up = true;
    epoch += 1;
    lost = new Promise((resolve) => {
      lose = resolve;
    });
    logger.info({ server: connection.getServer(), version: connection.info?.version }, 'NATS is there');
  }

  function turnDown(): void {
    up = false;
    lose();
  }

  return {
    start: async () => {
      if (running) return;
      stopping = new AbortController();
      running = run(stopping.signal);
    },
    stop: async () => {
      stopping?.abort();
      // A server that does not answer may hold up an attempt to connect; that closes itself when it is through.
      await Promise.race([running, delay(1000, undefined, { ref: false })]);
      running = undefined;
    },
    connection: () => (up ? made : undefined),
    epoch: () => epoch,
    gone: () => lost,
    onConnection: (user) => {
      users.push(user);
      if (made) user(made);
    },
  };
}

/** Connects once; throws if the server is away. The connection then reconnects for ever. Whoever dials closes it. */
export function dial(natsUrl: string, name: string): Promise<NatsConnection> {
  return connect({
    ...parseNatsUrl(natsUrl),
    name,
    timeout: 5000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    ignoreAuthErrorAbort: true,
    // A server that vanished without closing its socket is noticed within 30 seconds.
    pingInterval: 10_000,
    maxPingOut: 2,
  });
}
