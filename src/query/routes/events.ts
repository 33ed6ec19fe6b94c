// /v1/events: the log itself.
import { Type } from '@sinclair/typebox';
import { sql } from 'kysely';
import {
  Filter,
  PageOf,
  Paging,
  Parameters,
  PathText,
  Position,
  Waiting,
} from '../../../schemas/http-query.js';
import { LoggedEvent } from '../../../schemas/logged-event.js';
import type { Server } from '../../http/server.js';
import { notFound, sendJson, sendPage } from '../answer.js';
import { awaitHead, type QueryDeps } from '../deps.js';
import { BODY, eventPart, eventToJson } from '../event-columns.js';
import { hasText } from '../filters.js';
import { HEAD } from '../positions.js';
import { type Listing, readOne, readPage } from '../read-page.js';
import { EVENT_LOG, narrow, type Scope, type Sql, scoped, storedId } from '../scope.js';

const tags = ['events'];
const WithBody = Type.Composite([
  LoggedEvent,
  Type.Object({ body: Type.Unknown({ description: 'As received' }) }),
]);

const EventQuery = {
  workspace_id: Filter('Workspace, UUIDs in any spelling'),
  event: Filter('Name of the event'),
  source: Filter('Name of the source'),
  customer_id: Filter('Customer'),
  type: Filter('Kind of resource'),
  resource_id: Filter('Resource'),
  body: Type.Boolean({ default: false, description: 'Whether items have their body, as received' }),
  order: Type.Union([Type.Literal('asc'), Type.Literal('desc')], {
    default: 'desc',
    description: 'desc: newest first; asc: oldest first',
  }),
  ...Paging,
  ...Waiting,
};
const ListQuery = Parameters({ integration_id: Filter('Integration, UUIDs in any spelling'), ...EventQuery });
const OfIntegration = Parameters(EventQuery);
const At = Parameters({ position: Position('Position in the log') });

// By hash, which is indexed, and by text, since hashes collide.
function hashed(column: string, value: string | undefined): Sql[] {
  if (value === undefined) return [];
  const ref = sql.ref(column);
  return [sql`hashtextextended(${ref}, 0) = hashtextextended(${value}, 0)`, sql`${ref} = ${value}`];
}

/** Conditions of an event filter. */
export function eventFilters(query: {
  integration_id?: string;
  event?: string;
  source?: string;
  customer_id?: string;
  type?: string;
  resource_id?: string;
}): Sql[] {
  const integration = query.integration_id === undefined ? undefined : storedId(query.integration_id);
  return [
    ...hashed('e.integration_id', integration),
    ...hashed('e.resource_id', query.resource_id),
    ...hasText('e.event', query.event),
    ...hasText('e.source', query.source),
    ...hasText('e.customer_id', query.customer_id),
    ...hasText('e.resource_type', query.type),
  ];
}

function listing(scope: Scope, where: readonly Sql[], body: boolean, order: string): Listing {
  return {
    name: `event-${order}`,
    position: HEAD,
    from: scoped(scope, EVENT_LOG, 'e'),
    where,
    parts: [eventPart('e', body)],
    key: [{ column: 'e.position', part: 'position' }],
    descending: order === 'desc',
  };
}

export function addEventRoutes(app: Server, deps: QueryDeps): void {
  const response = { 200: PageOf(LoggedEvent) };
  const listSchema = { tags, summary: 'Events, newest or oldest first', querystring: ListQuery, response };
  app.get('/v1/events', { schema: listSchema }, async ({ query, caller }, reply) => {
    await awaitHead(deps, query);
    const scope = narrow(caller.scope, query.workspace_id);
    const found = listing(scope, eventFilters(query), query.body, query.order);
    return sendPage(reply, await readPage(deps.log, found, query), (row) => eventToJson(row, query.body));
  });

  const ofSchema = {
    tags: ['integrations', 'events'],
    summary: "An integration's events",
    params: Parameters({ id: PathText('Integration, UUIDs in any spelling') }),
    querystring: OfIntegration,
    response,
  };
  app.get('/v1/integrations/:id/events', { schema: ofSchema }, async ({ query, params, caller }, reply) => {
    await awaitHead(deps, query);
    const scope = narrow(caller.scope, query.workspace_id);
    const where = eventFilters({ ...query, integration_id: params.id });
    const found = listing(scope, where, query.body, query.order);
    return sendPage(reply, await readPage(deps.log, found, query), (row) => eventToJson(row, query.body));
  });

  const oneSchema = {
    tags,
    summary: 'An event',
    params: At,
    querystring: Parameters(Waiting),
    response: { 200: WithBody },
  };
  app.get('/v1/events/:position', { schema: oneSchema }, async ({ query, params, caller }, reply) => {
    await awaitHead(deps, query);
    const where = [sql`e.position = ${params.position}`];
    const { position, row } = await readOne(deps.log, listing(caller.scope, where, true, 'asc'));
    if (!row) throw notFound('event', position);
    return sendJson(reply, position, eventToJson(row, true));
  });

  const bodySchema = { tags, summary: "An event's body: the bytes as received", params: At };
  app.get('/v1/events/:position/body', { schema: bodySchema }, async ({ params, caller }, reply) => {
    const where = [sql`e.position = ${params.position}`];
    const only = { ...listing(caller.scope, where, true, 'asc'), parts: [BODY] };
    const { position, row } = await readOne(deps.log, only);
    if (!row) throw notFound('event', position);
    return reply
      .header('hookfold-position', String(position))
      .header('cache-control', 'no-store')
      .header('content-type', 'application/json')
      .send(Buffer.from(row[0]!));
  });
}
