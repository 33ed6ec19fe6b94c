// /v1/activity: how many events of each name a workspace had, hour by hour.
import { sql } from 'kysely';
import { activity } from '../../../projections/activity/projection.js';
import {
  Filter,
  InWorkspace,
  PageOf,
  Paging,
  Parameters,
  shownRow,
  Waiting,
} from '../../../schemas/http-query.js';
import type { Server } from '../../http/server.js';
import { sendPage } from '../answer.js';
import { partOf, toJson } from '../columns.js';
import { awaitModels, type QueryDeps } from '../deps.js';
import { hasText } from '../filters.js';
import { readInstant } from '../instant.js';
import { positionOf } from '../positions.js';
import { type Listing, readPage } from '../read-page.js';
import { narrow, type Scope, type Sql, scoped, viewOf } from '../scope.js';

const PARTS = [partOf(activity, 'a')];

function listing(scope: Scope, where: Listing['where']): Listing {
  return {
    name: 'activity',
    position: positionOf([activity]),
    scope,
    from: (part) => scoped(part, viewOf(activity), 'a'),
    where,
    parts: PARTS,
    key: [
      { column: 'a.workspace_id', part: 'text', nullable: true },
      { column: 'a.event', part: 'text' },
      { column: 'a.hour', part: 'instant' },
    ],
  };
}

const ActivityQuery = Parameters({
  ...InWorkspace,
  event: Filter('Name of the event'),
  from: Filter('Hours that begin at this RFC 3339 time or later'),
  to: Filter('Hours that begin before this RFC 3339 time'),
  ...Paging,
  ...Waiting,
});

function within({ from, to }: { from?: string; to?: string }): Sql[] {
  return [
    ...(from === undefined ? [] : [sql`a.hour >= ${readInstant('from', from)}::timestamptz`]),
    ...(to === undefined ? [] : [sql`a.hour < ${readInstant('to', to)}::timestamptz`]),
  ];
}

/** Adds `/v1/activity`. */
export function addActivityRoute(app: Server, deps: QueryDeps): void {
  const schema = {
    tags: ['activity'],
    summary: 'Counts of events by workspace, name and hour of receipt',
    querystring: ActivityQuery,
    response: { 200: PageOf(shownRow(activity.row)) },
  };
  app.get('/v1/activity', { schema }, async ({ query, caller }, reply) => {
    await awaitModels(deps, [activity], query);
    const found = listing(narrow(caller.scope, query.workspace_id), [
      ...hasText('a.event', query.event),
      ...within(query),
    ]);
    return sendPage(reply, await readPage(deps.read, found, query), (row) => toJson(PARTS, row)[0]!);
  });
}
