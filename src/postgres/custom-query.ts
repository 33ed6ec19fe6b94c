// Queries of one's own on a node-pg connection, as pg-cursor and pg-query-stream are: what node-pg asks of them.
import type { Duplex } from 'node:stream';
import type pg from 'pg';

/** Of node-pg's connection, what a query of one's own needs. */
export interface Connection {
  query(text: string): void;
  stream: Duplex;
}

export interface CustomQuery {
  submit(connection: Connection): void;
  /** Postgres waits for the rows of a COPY. */
  handleCopyInResponse?(connection: Connection): void;
  /** Once at the most; nothing else is asked then. */
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

const nothing = () => {};

/** A query for `client.query`, on a connection that is not pipelined. */
export function createCustomQuery(query: CustomQuery): pg.Submittable {
  const submittable = {
    // node-pg puts one here that ends the timer of `query_timeout`, which a URL may set; until it is called, the timer
    // holds on to the query.
    callback: nothing,
    submit: (connection: Connection) => query.submit(connection),
    handleCopyInResponse: (connection: Connection) => query.handleCopyInResponse?.(connection),
    handleError(error: Error) {
      submittable.callback();
      query.handleError(error);
    },
    handleReadyForQuery() {
      submittable.callback();
      query.handleReadyForQuery();
    },
    handleCopyData: nothing,
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handlePortalSuspended: nothing,
    handleCommandComplete: nothing,
    handleEmptyQuery: nothing,
  };
  return submittable as unknown as pg.Submittable;
}
