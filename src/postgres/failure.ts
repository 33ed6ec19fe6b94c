// Tells apart whose fault a failed statement is, by SQLSTATE, never by text.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
import pg from 'pg';

/**
 * The SQLSTATE of an error of Postgres, or undefined (a broken connection, say). The system's EPIPE, which is as long, has
 * no digit; every SQLSTATE has one.
 */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether a statement failed because another transaction held what it wanted to lock. */
export const isLocked = (error: unknown) => sqlState(error) === '55P03';

/**
 * True where the data of the statement are at fault (22 data exception, 23 constraint, 54 a limit of Postgres), so
 * that the same data would be refused again; false for every fault of the server or the way to it.
 */
export function isRefusedData(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && /^(22|23|54)/.test(state);
}

/** A schema, table, column or function that is not there, or a right to it. */
const NOT_THERE = ['3F000', '42P01', '42703', '42883', '42501'];

/** An error's text; where something that is not there may be what a migration makes, or grants, with that question. */
export function describeFailure(error: Error): string {
  const isSo = error instanceof pg.DatabaseError && NOT_THERE.includes(error.code ?? '');
  if (!isSo) return error.message;
  return `${error.message}. Is the database migrated (hookfold migrate), and has this role its rights (deploy/grants.sql)?`;
}
