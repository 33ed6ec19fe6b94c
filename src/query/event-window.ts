// Which events one statement looks through. Conditions that no index serves are asked of each event, so a reading with
// such conditions goes no further than so many entries of the index that it follows: it may find few events, or none,
// and there are more behind its edge.
import { sql } from 'kysely';
import type pg from 'pg';
import { type EventFilter, eventFilters } from './event-filters.js';
import { HEAD } from './positions.js';
import { EVENT_LOG, isVisible, type Scope, type Sql, scoped } from './scope.js';
import { selectTexts } from './statement.js';

/** Events that one statement looks through at the most. */
export const WINDOW_EVENTS = 200_000;

/** Which events, and from where on. */
export interface EventRange {
  filter: EventFilter;
  scope: Scope;
  /** The events behind this position, in either order … */
  after: number;
  /** … and before this one; default: up to the log's end. */
  before?: number | undefined;
  order: 'asc' | 'desc';
}

export interface EventWindow {
  /** The relation to list, under the alias `e`, as far as a part of the scope may see it. */
  from(part: Scope): Sql;
  /** Conditions on it. */
  where: readonly Sql[];
  /** The last position that was looked at; undefined where that is all that was asked for. `head`: the log's, as of the reading. */
  edge(head: number): Promise<number | undefined>;
}

/** The window of a range: all of it, unless it has conditions that no index serves. */
export async function windowOf(log: pg.Pool, range: EventRange, size: number): Promise<EventWindow> {
  const { filter, scope } = range;
  const { integration_id, resource_id } = filter;
  const all = {
    from: (part: Scope) => scoped(part, EVENT_LOG, 'e'),
    where: [...eventFilters(filter), ...within(range)],
    edge: async () => undefined,
  };
  const { event, source, customer_id, type } = filter;
  if ([event, source, customer_id, type].every((value) => value === undefined)) return all;
  const indexed = resource_id === undefined ? { integration_id } : { resource_id };
  const entries = (of: Scope): Sql => sql`FROM ${scoped(of, EVENT_LOG, 'e')}
    WHERE ${sql.join([...eventFilters(indexed), ...within(range)], sql` AND `)}`;
  if (integration_id !== undefined || resource_id !== undefined)
    return (await isOwn(log, indexed, scope)) ? alongIndex(log, range, size, entries('all')) : all;
  if (scope !== 'all' && scope.length === 1) return alongIndex(log, range, size, entries(scope));
  return alongLog(range, size, all.where);
}

const within = ({ after, before }: EventRange): Sql[] => [
  sql`e.position > ${after}`,
  ...(before === undefined ? [] : [sql`e.position < ${before}`]),
];

// Whether the first event of what is asked for may be seen. Else no edge is told: that would tell that there is something.
async function isOwn(log: pg.Pool, indexed: EventFilter, scope: Scope): Promise<boolean> {
  if (scope === 'all') return true;
  const [first] = await selectTexts(
    log,
    sql`SELECT e.workspace_id FROM ${scoped('all', EVENT_LOG, 'e')}
      WHERE ${sql.join(eventFilters(indexed), sql` AND `)} ORDER BY e.position LIMIT 1`,
  );
  return first !== undefined && isVisible(scope, { workspace_id: first[0] });
}

function alongIndex(log: pg.Pool, range: EventRange, size: number, entries: Sql): EventWindow {
  const ordered = sql`ORDER BY e.position ${range.order === 'asc' ? sql`ASC` : sql`DESC`}`;
  const table = sql`(SELECT e.* ${entries} ${ordered} LIMIT ${size}) AS entry`;
  return {
    from: (part) => scoped(part, { table, hashed: false }, 'e'),
    where: eventFilters(range.filter),
    async edge(head) {
      const [last] = await selectTexts(
        log,
        sql`SELECT e.position ${entries} AND e.position <= ${head} ${ordered} LIMIT 1 OFFSET ${size - 1}`,
      );
      return last && Number(last[0]);
    },
  };
}

// Of several workspaces, and of all of them: the log's own index, of which the entries need not be counted.
function alongLog(range: EventRange, size: number, where: readonly Sql[]): EventWindow {
  const { after, before = Number.MAX_SAFE_INTEGER, order } = range;
  const from = (part: Scope) => scoped(part, EVENT_LOG, 'e');
  if (order === 'asc') {
    const last = after + size;
    const edge = async (head: number) => (last < Math.min(head, before - 1) ? last : undefined);
    return { from, where: [...where, sql`e.position <= ${last}`], edge };
  }
  const first = sql`least(${before}::bigint, (${HEAD}) + 1) - ${size}::bigint`;
  return {
    from,
    where: [...where, sql`e.position >= ${first}`],
    async edge(head) {
      const first = Math.min(before, head + 1) - size;
      return first > after + 1 ? first : undefined;
    },
  };
}
