// Filters on events that no index serves look at each event. So that every statement ends in time, it looks through a
// window of positions and no further: a page may be short, or empty, and go on behind the window.
import { sql } from 'kysely';
import type { EventFilter } from './event-filters.js';
import { HEAD } from './positions.js';
import type { Sql } from './scope.js';

/** Positions that one statement looks through at the most. */
export const WINDOW_POSITIONS = 200_000;

export interface EventWindow {
  /** Conditions that keep a listing within the window. */
  where: readonly Sql[];
  /** The position behind which (descending: before which) to go on, unless the window reaches the log's end. */
  edge(head: number): number | undefined;
}

/** Whether a filter has conditions that no index serves, beside none that one does. */
export function looksAtAll({ integration_id, resource_id, ...filter }: EventFilter): boolean {
  if (integration_id !== undefined || resource_id !== undefined) return false;
  return [filter.event, filter.source, filter.customer_id, filter.type].some((value) => value !== undefined);
}

/** The window behind a position. */
export function windowBehind(after: number, positions: number): EventWindow {
  const last = after + positions;
  return { where: [sql`e.position <= ${last}`], edge: (head) => (last < head ? last : undefined) };
}

/** The window before a position; the last one of the log where none is given. */
export function windowBefore(before: number | undefined, positions: number): EventWindow {
  const end = before === undefined ? sql`(${HEAD}) + 1` : sql`${before}::bigint`;
  return {
    where: [sql`e.position >= ${end} - ${positions}::bigint`],
    edge: (head) => {
      const first = (before ?? head + 1) - positions;
      return first > 1 ? first : undefined;
    },
  };
}
