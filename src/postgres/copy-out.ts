// Rows out of Postgres by COPY in its binary form: half of what a SELECT costs Postgres and Node, since no value
// becomes a text on the way. https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
import pg from 'pg';
import { createCustomQuery } from './custom-query.js';
import { type CopiedRows, type TakenRows, takeRows } from './take-rows.js';

export type { CopiedRows };

/**
 * The rows of a query, in its order, on a connection of `pool` (not a pipelined one). COPY takes no parameters: the
 * caller writes values into `query`, and nothing but numbers. The rows are written into `room`, where they fit; else
 * into a larger buffer. Those that go beyond `mostBytes` are left out, but for the first; where they are many, their
 * connection is ended. Throws what Postgres says, or what ended the connection.
 */
export async function copyOut(
  pool: pg.Pool,
  query: string,
  room: Buffer,
  mostBytes?: number,
): Promise<CopiedRows> {
  const client = await pool.connect();
  const { rows, error } = await runCopy(client, `COPY (${query}) TO STDOUT (FORMAT binary)`, room, mostBytes);
  // Postgres has done with what it refused. What it may still answer would be taken for the next query's answer.
  const isRefused = error instanceof pg.DatabaseError && error.severity === 'ERROR';
  client.release(isRefused ? undefined : error);
  // What came before the rows that were left out came whole.
  if (rows === undefined || (error !== undefined && !rows.isCut)) throw error;
  return rows;
}

interface CopyOutcome {
  rows?: CopiedRows;
  error?: Error;
}

function runCopy(
  client: pg.ClientBase,
  text: string,
  room: Buffer,
  mostBytes: number | undefined,
): Promise<CopyOutcome> {
  return new Promise((resolve) => {
    let taken: TakenRows | undefined;
    const copy = createCustomQuery({
      submit(connection) {
        taken = takeRows(connection.stream, room, mostBytes);
        connection.query(text);
      },
      handleError: (error) => resolve({ rows: taken?.giveBack(), error }),
      handleReadyForQuery: () => resolve({ rows: taken!.giveBack() }),
    });
    client.query(copy);
  });
}
