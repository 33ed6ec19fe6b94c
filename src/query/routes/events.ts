// /v1/events: the log itself.
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { sql } from 'kysely';
import {
  Content,
  Filter,
  Order,
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
import { fromCursor, toCursor } from '../cursor.js';
import { awaitHead, type QueryDeps } from '../deps.js';
import { BODY, eventPart, eventToJson } from '../event-columns.js';
import { eventFilters } from '../event-filters.js';
import {
  type EventWindow,
  looksAtAll,
  WINDOW_POSITIONS,
  windowBefore,
  windowBehind,
} from '../event-window.js';
import { HEAD } from '../positions.js';
import { type Listing, readOne, readPage } from '../read-page.js';
import { EVENT_LOG, narrow, type Scope, scoped } from '../scope.js';

const tags = ['events'];
const body = Type.Unknown({ description: 'The webhook as received' });
const WithBody = Type.Composite([LoggedEvent, Type.Object({ body })]);
const MayHaveBody = Type.Composite([LoggedEvent, Type.Object({ body: Type.Optional(body) })]);

const filters = {
  workspace_id: Filter('Workspace, UUIDs in any spelling'),
  event: Filter('Name of the event'),
  source: Filter('Name of the source'),
  customer_id: Filter('Customer'),
  type: Filter('Kind of resource'),
  resource_id: Filter('Resource'),
  body: Type.Boolean({ default: false, description: 'Whether items have their body, as received' }),
  order: Order,
  ...Paging,
  ...Waiting,
};
const EventsQuery = Parameters({ integration_id: Filter('Integration, UUIDs in any spelling'), ...filters });
const At = Parameters({ position: Position('Position in the log') });

type Events = Static<typeof EventsQuery>;
type ListOptions = Pick<Listing, 'where'> & { scope: Scope; body: boolean; order?: Events['order'] };

const KEY = [{ column: 'e.position', part: 'position' }] as const;
const listName = (order: Events['order']) => `event-${order}`;

function listing({ scope, where, body, order = 'asc' }: ListOptions): Listing {
  return {
    name: listName(order),
    position: HEAD,
    scope,
    from: (part) => scoped(part, EVENT_LOG, 'e'),
    where,
    parts: [eventPart('e', body)],
    key: KEY,
    descending: order === 'desc',
  };
}

async function sendEvents(
  reply: FastifyReply,
  deps: QueryDeps,
  callerScope: Scope,
  query: Events,
): Promise<FastifyReply> {
  await awaitHead(deps, query);
  const { body, order } = query;
  const scope = narrow(callerScope, query.workspace_id);
  const window = windowOf(query, deps.windowPositions);
  const where = [...eventFilters(query), ...(window?.where ?? [])];
  const page = await readPage(deps.log, listing({ scope, where, body, order }), query);
  const edge = page.nextCursor === null ? window?.edge(page.position) : undefined;
  const nextCursor = edge === undefined ? page.nextCursor : toCursor(listName(order), [String(edge)]);
  return sendPage(reply, { ...page, nextCursor }, (row) => eventToJson(row, body));
}

function windowOf(query: Events, positions = WINDOW_POSITIONS): EventWindow | undefined {
  if (!looksAtAll(query)) return undefined;
  const { order, cursor } = query;
  const edge =
    cursor === undefined ? undefined : Number(fromCursor(listName(order), ['position'], cursor)[0]);
  return order === 'desc' ? windowBefore(edge, positions) : windowBehind(edge ?? 0, positions);
}

/** Adds `/v1/events`, one of them, its body, and those of an integration. */
export function addEventRoutes(app: Server, deps: QueryDeps): void {
  const response = { 200: PageOf(MayHaveBody) };
  const listSchema = { tags, summary: 'Events, newest or oldest first', querystring: EventsQuery, response };
  app.get('/v1/events', { schema: listSchema }, async ({ query, caller }, reply) =>
    sendEvents(reply, deps, caller.scope, query),
  );

  const ofSchema = {
    tags: ['integrations', 'events'],
    summary: "An integration's events",
    params: Parameters({ id: PathText('Integration, UUIDs in any spelling') }),
    querystring: Parameters(filters),
    response,
  };
  app.get('/v1/integrations/:id/events', { schema: ofSchema }, async ({ query, params, caller }, reply) =>
    sendEvents(reply, deps, caller.scope, { ...query, integration_id: params.id }),
  );
  addEventRoute(app, deps);
  addBodyRoute(app, deps);
}

function addEventRoute(app: Server, deps: QueryDeps): void {
  const querystring = Parameters(Waiting);
  const schema = { tags, summary: 'An event', params: At, querystring, response: { 200: WithBody } };
  app.get('/v1/events/:position', { schema }, async ({ query, params, caller }, reply) => {
    await awaitHead(deps, query);
    const where = [sql`e.position = ${params.position}`];
    const { position, row } = await readOne(deps.log, listing({ scope: caller.scope, where, body: true }));
    if (!row) throw notFound('event', position);
    return sendJson(reply, position, eventToJson(row, true));
  });
}

function addBodyRoute(app: Server, { log }: QueryDeps): void {
  const response = { 200: Content('application/json', { description: 'The webhook as received' }) };
  const schema = { tags, summary: "An event's body: the bytes as received", params: At, response };
  app.get('/v1/events/:position/body', { schema }, async ({ params, caller }, reply) => {
    const where = [sql`e.position = ${params.position}`];
    const found = { ...listing({ scope: caller.scope, where, body: true }), parts: [BODY] };
    const { position, row } = await readOne(log, found);
    if (!row) throw notFound('event', position);
    return reply
      .header('hookfold-position', String(position))
      .header('cache-control', 'no-store')
      .header('content-type', 'application/json')
      .send(Buffer.from(row[0]!));
  });
}
