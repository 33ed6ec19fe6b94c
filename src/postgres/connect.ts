// Connections to Postgres. Everything is read as text, as Postgres sends it, in UTC; the reader of a value knows
// its kind, so no work is done for values that are only passed on.
import pg from 'pg';

const asText = { getTypeParser: () => (value: string) => value };
const INT8 = 20;
const TIMESTAMPTZ = 1184;

/** Positions and counts as numbers (all stay below 2^53), times as RFC 3339 text, JSON parsed. */
const ordinary = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8) return Number;
    if (oid === TIMESTAMPTZ) return instantFromPostgres;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

/** Hands every column over as the text that Postgres sent. */
export const TEXT_TYPES = asText as unknown as pg.CustomTypesConfig;

export interface PoolOptions extends pg.PoolConfig {
  /** Statements that set up a connection, as one message. */
  settings?: string;
  /** Called with each connection before its first statement. */
  onOpen?(client: pg.ClientBase): void;
}

/**
 * A statement that stops the clocks that a role or a database may have by default, or that somebody else has left behind on
 * a pooler's connection, to the end of the connection or of the transaction: an index, a comparison or a migration takes as
 * long as it takes. Not every Postgres has all of them.
 */
export const stopClocks = (until: 'connection' | 'transaction') =>
  `SELECT set_config(name, '0', ${until === 'transaction'}) FROM pg_settings
   WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout')`;

// What waited for a lock has to see what its holder committed, whatever the role's or the database's own default is.
// No JIT: compiling costs the short statements of all roles more than they take.
const SETTINGS = [
  "SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET default_transaction_isolation = 'read committed'; SET jit = off",
  stopClocks('connection'),
].join('; ');

/**
 * A pool on `url`. Its connections speak UTC and ISO dates, and read what is committed at each statement. Connecting is
 * given up after ten seconds; a statement is not, whatever a role has by default: of a server that vanished it learns from the system, in a quarter of
 * an hour (`createPatientPool` waits less). A connection that dies is dropped, not thrown: what was under way on it
 * rejects. Whoever creates it ends it.
 */
export function createPool(url: string, { settings = '', onOpen, ...options }: PoolOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // A server that vanished without a word is noticed by the system's probes; their own delay would be two hours.
    keepAliveInitialDelayMillis: 10_000,
    types: ordinary as unknown as pg.CustomTypesConfig,
    ...options,
    onConnect: async (client: pg.ClientBase) => {
      onOpen?.(client);
      await client.query(`${SETTINGS}; ${settings}`);
    },
  } as pg.PoolConfig);
  // An error event that nobody listens to ends the process: of an idle connection, and of one that is lent.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));
  return pool;
}

function ignore(): void {}

let lastText = '';
let lastInstant = '';

/** `2026-11-23 22:46:00.12+00` as `2026-11-23T22:46:00.120Z`. The last answer is kept: a batch shares its time. */
export function instantFromPostgres(text: string): string {
  if (text === lastText) return lastInstant;
  lastInstant = new Date(text.replace(' ', 'T').replace(/\+00$/, 'Z')).toISOString();
  lastText = text;
  return lastInstant;
}
