// Rows out of Postgres by COPY in its binary form: half of what a SELECT costs Postgres and Node, since no value
// becomes a text on the way. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
import pg from 'pg';
import { createCustomQuery } from './custom-query.js';
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
    let taken: TakenRows | undefined;
    const copy = createCustomQuery({
      submit(connection) {
        taken = takeRows(connection.stream, room);
        connection.query(text);
      },
      handleError(error) {
        taken?.giveBack();
        reject(error);
      },
      handleReadyForQuery: () => resolve(taken!.giveBack()),
    });
    client.query(copy);
  });
}
