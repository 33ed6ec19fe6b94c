// What a projection is: a pure fold from the log's events to the rows of one table. No clock, no I/O, no state
// of its own: the same events give the same rows, wherever and however often they are folded.
import type { TObject } from '@sinclair/typebox';
import type { EventName } from '../schemas/events.js';
import type { FoldedEvent } from '../schemas/logged-event.js';
import type { KnownEvent } from './read-event.js';

/** The values of a row's key columns, in their order. */
export type Key = readonly (string | null)[];

interface Shape<Row> {
  /** The view's name, `read_model.<name>`. */
  readonly name: string;
  /** Raised whenever the same events would give other rows: a higher version is rebuilt, then swapped in. */
  readonly version: number;
  /** Schema of a row: its columns in their order, by the kinds of `schemas/columns.ts`. */
  readonly row: TObject;
  /** The key columns, first in the table. */
  readonly keyColumns: readonly (keyof Row & string)[];
  /** Columns that the fold needs and the view leaves out. */
  readonly internal: readonly (keyof Row & string)[];
  /** `integration`: every key lies within one integration, so the fold can be split by integration. */
  readonly within: 'integration' | 'log';
  /** Folder of the module, as a URL that ends with a slash; `table.sql` lies beside the module's source. */
  readonly folder: URL;
}

interface Fold<Row, Event> {
  /** The row that an event concerns; undefined where it concerns none. */
  key(event: Event): Key | undefined;
  /**
   * The row after the event; undefined removes it (or leaves it absent). Must not change `row`, and answers the
   * same object where nothing changed. A throw parks the event and all later ones of its key.
   */
  evolve(row: Row | undefined, event: Event): Row | undefined;
}

/** A projection of the events named in `reads`, each checked against its schema before it comes here. */
export interface EventProjection<Row> extends Shape<Row>, Fold<Row, KnownEvent> {
  readonly reads: readonly EventName[];
}

/** A projection of everything in the log, unknown and ill-formed events included, as the log keeps it. */
export interface LogProjection<Row> extends Shape<Row>, Fold<Row, FoldedEvent> {
  readonly reads: 'everything';
}

// biome-ignore lint/suspicious/noExplicitAny: the machine handles rows of every projection alike
export type Projection<Row = any> = EventProjection<Row> | LogProjection<Row>;
/** A row whose columns only its projection knows. */
export type AnyRow = Record<string, unknown>;
