// Rows out of Postgres by COPY in its binary form: half of what a SELECT costs Postgres and Node, since no value
// becomes a text on the way. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { type CopiedRows, type TakenRows, takeRows } from './take-rows.js';

export type { CopiedRows };

/**
 * The rows of a query, in its order, on a connection of `pool` (not a pipelined one). COPY takes no parameters: the
 * caller writes values into `query`, and nothing but numbers. The rows are written into `room`, where they fit; else
 * into a larger buffer. Throws what Postgres says, and what node-pg does when the pool's `query_timeout` is over.
 */
export async function copyOut(pool: pg.Pool, query: string, room: Buffer): Promise<CopiedRows> {
  const client = await pool.connect();
  try {
    const rows = await runCopy(client, `COPY (${query}) TO STDOUT (FORMAT binary)`, room);
    client.release();
    return rows;
  } catch (error) {
    // Postgres has done with what it refused. What it may still answer would be taken for the next query's answer.
    const isRefused = error instanceof pg.DatabaseError && error.severity === 'ERROR';
    client.release(isRefused ? undefined : (error as Error));
    throw error;
  }
}

function runCopy(client: pg.ClientBase, text: string, room: Buffer): Promise<CopiedRows> {
  return new Promise((resolve, reject) => {
    client.query(createCopy(text, room, { resolve, reject }));
  });
}

interface Outcome {
  resolve(rows: CopiedRows): void;
  reject(error: Error): void;
}

interface Connection {
  query(text: string): void;
  stream: Duplex;
}

// What node-pg asks of a query of one's own, as pg-cursor and pg-query-stream are.
function createCopy(text: string, room: Buffer, { resolve, reject }: Outcome): pg.Submittable {
  let taken: TakenRows | undefined;
  const nothing = () => {};
  const copy = {
    // node-pg puts one here that ends the timer of `query_timeout`; until it is called, the timer holds on to the rows.
    callback: nothing,
    submit(connection: Connection) {
      taken = takeRows(connection.stream, room);
      connection.query(text);
    },
    handleError: (error: Error) => {
      taken?.giveBack();
      copy.callback();
      reject(error);
    },
    handleReadyForQuery: () => {
      copy.callback();
      resolve(taken!.giveBack());
    },
    handleCopyData: nothing,
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handlePortalSuspended: nothing,
    handleCommandComplete: nothing,
    handleEmptyQuery: nothing,
  };
  return copy as unknown as pg.Submittable;
}
