// The end of waiting, for statements that take moments. Of three clocks the first that is over ends it:
//
//   lock_timeout        the server waits for a lock, if it is set  → 55P03, the connection goes on
//   statement_timeout   the server works on a statement            → 57014, the connection goes on
//   silence             not even those are heard on a connection   → it is given up; what waits on it rejects
//
// The server's clocks are over first: so a statement that is given up here leaves no backend that waits, or holds locks,
// for nobody, unless the server is out of reach, and its end of the connection with it.
import type { Socket } from 'node:net';
import type pg from 'pg';
import { createPool, type PoolOptions } from './connect.js';

/** How long is waited, in milliseconds. */
export interface Patience {
  /** For a statement. A connection that is lent is given up a second later. */
  statementMs: number;
  /** For a lock, as a part of the statement; default: as long as for the statement. */
  lockMs?: number;
}

/** Of those that follow the log page by page: a lock is waited for less long than a statement may take. */
export const PAGE_PATIENCE: Patience = { statementMs: 60_000, lockMs: 50_000 };

/** A transaction that nobody goes on with is waited for no less than this, however short its statements are. */
const IDLE_MS = 10_000;
const LATER_MS = 1000;

/**
 * A pool on `url` that waits no longer than said: for a server that is frozen or was cut off without a word as well,
 * which the system would take a quarter of an hour to find out. What was under way then may have been done. One statement
 * a message, since the server's clock is for each of them, and silence lasts until the last is answered.
 */
export function createPatientPool(
  url: string,
  { statementMs, lockMs }: Patience,
  { settings = '', ...options }: PoolOptions = {},
): pg.Pool {
  const silentMs = statementMs + LATER_MS;
  const clocks = [
    `SET statement_timeout = ${statementMs}`,
    `SET idle_in_transaction_session_timeout = ${Math.max(statementMs, IDLE_MS)}`,
    ...(lockMs === undefined ? [] : [`SET lock_timeout = ${lockMs}`]),
  ];
  const pool = createPool(url, {
    ...options,
    settings: `${clocks.join('; ')}; ${settings}`,
    // A proxy may let a client in while the server behind it is silent: these settings are waited for no longer, too.
    onOpen(client) {
      const socket = socketOf(client);
      socket.on('timeout', () => {
        socket.destroy(new Error(`Postgres was silent for ${silentMs} ms: the connection is given up`));
      });
      socket.setTimeout(silentMs);
    },
  });
  pool.on('acquire', (client) => socketOf(client).setTimeout(silentMs));
  pool.on('release', (_, client) => socketOf(client).setTimeout(0));
  return pool;
}

const socketOf = (client: pg.ClientBase) =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream;
