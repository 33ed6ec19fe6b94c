// Which events a statement looks through. Conditions that no index serves are asked of each event, so a reading with such
// conditions goes no further than so many entries of the index that serves the others: it may find few events, or none, and
// there are more behind its edge.
import { sql } from 'kysely';
import type pg from 'pg';
import { inTransaction } from '../postgres/transaction.js';
import { type EventFilter, eventFilters } from './event-filters.js';
import { HEAD } from './positions.js';
import { EVENT_LOG, isVisible, type Scope, type Sql, scoped } from './scope.js';
import { selectTexts } from './statement.js';

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
  /** Conditions on the events. */
  where: readonly Sql[];
  /** The last position that they leave in; undefined where that is all that was asked for. `head`: the log's, as of the reading. */
  edge(head: number): number | undefined;
}

/** The window of a range: all of it, unless it has conditions that no index serves. */
export async function windowOf(log: pg.Pool, range: EventRange, size: number): Promise<EventWindow> {
  const { filter, scope } = range;
  const { integration_id, resource_id, event, source, customer_id, type } = filter;
  const where = [...eventFilters(filter), ...within(range)];
  const all = { where, edge: () => undefined };
  if ([event, source, customer_id, type].every((value) => value === undefined)) return all;
  const indexed = resource_id === undefined ? { integration_id } : { resource_id };
  if (integration_id !== undefined || resource_id !== undefined) {
    if (!(await isOwn(log, indexed, scope))) return all;
    // A resource's id may be another workspace's as well: of its events only one's own are counted, or an edge would tell of
    // the others'. An integration is one workspace's.
    const counted = resource_id === undefined ? 'all' : scope;
    return upTo(await findEdge(log, range, size, indexed, counted), range, where);
  }
  if (scope !== 'all' && scope.length === 1)
    return upTo(await findEdge(log, range, size, {}, scope), range, where);
  return alongLog(range, size, where);
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

// The position of the last of so many entries of an index; undefined where it has fewer. Postgres knows nothing of how
// often a hash is there: it would fetch all entries and sort them, if it might.
function findEdge(
  log: pg.Pool,
  range: EventRange,
  size: number,
  indexed: EventFilter,
  scope: Scope,
): Promise<number | undefined> {
  return inTransaction(log, async (client) => {
    await client.query(
      "SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)",
    );
    const [last] = await selectTexts(
      client,
      sql`SELECT e.position FROM ${scoped(scope, EVENT_LOG, 'e')}
        WHERE ${sql.join([...eventFilters(indexed), ...within(range)], sql` AND `)}
        ORDER BY e.position ${range.order === 'asc' ? sql`ASC` : sql`DESC`} LIMIT 1 OFFSET ${size - 1}`,
    );
    return last && Number(last[0]);
  });
}

function upTo(edge: number | undefined, { order }: EventRange, where: readonly Sql[]): EventWindow {
  if (edge === undefined) return { where, edge: () => undefined };
  const bound = order === 'asc' ? sql`e.position <= ${edge}` : sql`e.position >= ${edge}`;
  return { where: [...where, bound], edge: () => edge };
}

// Of several workspaces, and of all of them: the log's own index, of which the entries need not be counted.
function alongLog(
  { after, before = Number.MAX_SAFE_INTEGER, order }: EventRange,
  size: number,
  where: readonly Sql[],
): EventWindow {
  if (order === 'asc') {
    const last = after + size;
    const edge = (head: number) => (last < Math.min(head, before - 1) ? last : undefined);
    return { where: [...where, sql`e.position <= ${last}`], edge };
  }
  const first = sql`least(${before}::bigint, (${HEAD}) + 1) - ${size}::bigint`;
  return {
    where: [...where, sql`e.position >= ${first}`],
    edge(head) {
      const first = Math.min(before, head + 1) - size;
      return first > after + 1 ? first : undefined;
    },
  };
}
