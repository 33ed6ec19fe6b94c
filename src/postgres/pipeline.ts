// Statements that need no answer of each other, sent together: one way to the server and back for all.
import type pg from 'pg';

/** Pool settings of connections that send a statement before the one before it is answered. */
export const PIPELINED = { pipeline: true } as pg.PoolConfig;

/** Whether a connection sends a statement before the one before it is answered. */
export const isPipelined = (client: pg.ClientBase) => (client as { pipeline?: boolean }).pipeline === true;

/**
 * Runs tasks that each send statements at once when called: together on a pipelined connection, else one after the
 * other. Answers in their order, when all have ended; throws the error of the first that failed.
 */
export async function runAll<T>(client: pg.ClientBase, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  if (isPipelined(client)) return answersOf(await Promise.allSettled(tasks.map((task) => task())));
  const answers: T[] = [];
  for (const task of tasks) answers.push(await task());
  return answers;
}

function answersOf<T>(outcomes: readonly PromiseSettledResult<T>[]): T[] {
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** What node-pg sends without a conversion that could fail. */
export type Parameter = Buffer | string | number | null | readonly (string | number | null)[];

/** A statement that is whole: once it exists, nothing but Postgres, or the way there, can keep it from being done. */
export interface Statement {
  text: string;
  values: readonly Parameter[];
  /** What is thrown in place of the error with which it fails. */
  toError?: ((cause: unknown) => unknown) | undefined;
}

/** Sends a statement at once. */
export async function execute(client: pg.ClientBase, { text, values, toError }: Statement): Promise<void> {
  try {
    await client.query(text, values as Parameter[]);
  } catch (cause) {
    throw toError ? toError(cause) : cause;
  }
}

/** Runs statements in their order: together on a pipelined connection. Throws the error of the first that failed. */
export async function executeAll(client: pg.ClientBase, statements: readonly Statement[]): Promise<void> {
  await runAll(
    client,
    statements.map((statement) => () => execute(client, statement)),
  );
}

/**
 * Runs statements as one transaction on a connection lent by the caller, all sent together where it is pipelined. So none
 * may depend on another's answer: what must not be committed has to fail in the database. It takes statements, not
 * functions that make them: one that could not be made would be missing, and the COMMIT behind it on its way all the
 * same. `begin` starts it.
 */
export async function inPipelinedTransaction(
  client: pg.ClientBase,
  statements: readonly Statement[],
  begin = 'BEGIN',
): Promise<void> {
  const sending = statements.map((statement) => () => execute(client, statement));
  try {
    await runAll<unknown>(client, [() => client.query(begin), ...sending, () => client.query('COMMIT')]);
  } catch (error) {
    // After a failed statement of a pipeline its COMMIT has rolled back already, and this only warns.
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Lends a connection. One that an error of `work` left broken is thrown away. */
export async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    await client.query('SELECT 1').catch((cause: Error) => {
      broken = cause;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
