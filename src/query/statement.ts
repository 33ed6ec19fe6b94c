// Runs statements that kysely composed: every value a parameter, every answer as the texts that Postgres sent.
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
} from 'kysely';
import type pg from 'pg';
import { type Problem, unavailable } from '../http/problem.js';
import { TEXT_TYPES } from '../postgres/connect.js';
import { sqlState } from '../postgres/failure.js';

/** A row as Postgres sent it, column by column. */
export type Texts = (string | null)[];

const composer = new Kysely({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** A statement's text and parameters. */
function compile(statement: RawBuilder<unknown>): { text: string; values: unknown[] } {
  const { sql: text, parameters } = statement.compile(composer);
  return { text, values: [...parameters] };
}

/** Runs a statement and answers its rows. Throws a problem (503) where a read model is not there yet. */
export async function selectTexts(
  db: pg.Pool | pg.ClientBase,
  statement: RawBuilder<unknown>,
): Promise<Texts[]> {
  try {
    const result = await db.query({ ...compile(statement), rowMode: 'array', types: TEXT_TYPES });
    return result.rows as unknown as Texts[];
  } catch (error) {
    throw explained(error);
  }
}

/** What is told of a read model that is not there yet: a problem (503). */
export function notBuilt(cause?: unknown): Problem {
  const detail =
    'this read model is not built yet in the version that this process serves; a projector of this version builds it, ' +
    'unless an earlier one was taken back (hookfold status: pinned)';
  return unavailable('not-built', detail, 5, cause);
}

const UNDEFINED_TABLE = '42P01';
const QUERY_CANCELED = '57014';

function explained(error: unknown): unknown {
  switch (sqlState(error)) {
    case UNDEFINED_TABLE:
      return notBuilt(error);
    case QUERY_CANCELED:
      return unavailable('too-slow', 'the answer took too long; ask for fewer rows or narrower', 5, error);
    default:
      return error;
  }
}
