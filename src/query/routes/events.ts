// /v1/events: the log itself.
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { Content, PageOf, Parameters, PathText, Position, Waiting } from '../../../schemas/http-query.js';
import { EventsQuery, IntegrationEventsQuery } from '../../../schemas/http-query-requests.js';
import { LoggedEvent } from '../../../schemas/logged-event.js';
import type { Server } from '../../http/server.js';
import { notFound, sendItems, sendJson } from '../answer.js';
import { readBound } from '../as-of.js';
import { fromCursor, toCursor } from '../cursor.js';
import { awaitHead, type QueryDeps } from '../deps.js';
import { BODY, eventPart, eventToJson } from '../event-columns.js';
import { readEventAt, readEvents } from '../read-events.js';
import { narrow, type Scope } from '../scope.js';

const tags = ['events'];
const body = Type.Unknown({ description: 'The webhook as received' });
const WithBody = Type.Composite([LoggedEvent, Type.Object({ body })]);
const MayHaveBody = Type.Composite([LoggedEvent, Type.Object({ body: Type.Optional(body) })]);
const At = Parameters({ position: Position('Position in the log') });

type Events = Static<typeof EventsQuery>;

async function sendEvents(
  reply: FastifyReply,
  deps: QueryDeps,
  callerScope: Scope,
  query: Events,
): Promise<FastifyReply> {
  await awaitHead(deps, query);
  const { body, order, limit } = query;
  const scope = narrow(callerScope, query.workspace_id);
  const range = await rangeOf(deps, query);
  const request = { filter: query, scope, ...range, order, limit, body };
  const { position, rows, reached } = await readEvents(deps, request);
  return sendItems(reply, {
    position,
    items: rows.map((row) => eventToJson(row, body)),
    nextCursor: reached === undefined ? null : toCursor(listName(order), [String(reached)]),
  });
}

const listName = (order: Events['order']) => `event-${order}`;

// The page before has narrowed it from one end.
async function rangeOf({ log }: QueryDeps, { order, cursor, ...query }: Events) {
  const after = query.after === undefined ? 0 : await readBound(log, 'after', query.after);
  const before = query.before === undefined ? undefined : await readBound(log, 'before', query.before);
  if (cursor === undefined) return { after, before };
  const reached = Number(fromCursor(listName(order), ['position'], cursor)[0]);
  return order === 'asc'
    ? { after: Math.max(after, reached), before }
    : { after, before: Math.min(before ?? reached, reached) };
}

/** Adds `/v1/events`, one of them, its body, and those of an integration. */
export function addEventRoutes(app: Server, deps: QueryDeps): void {
  const response = { 200: PageOf(MayHaveBody) };
  const summary = 'Events, newest or oldest first';
  const listSchema = { tags, summary, querystring: EventsQuery, response };
  app.get('/v1/events', { schema: listSchema }, async ({ query, caller }, reply) =>
    sendEvents(reply, deps, caller.scope, query),
  );

  const ofSchema = {
    tags: ['integrations', 'events'],
    summary: "An integration's events",
    params: Parameters({ id: PathText('Integration, UUIDs in any spelling') }),
    querystring: IntegrationEventsQuery,
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
    const part = eventPart('e', true);
    const { position, row } = await readEventAt(deps.log, caller.scope, params.position, part);
    if (!row) throw notFound('event', position);
    return sendJson(reply, position, eventToJson(row, true));
  });
}

function addBodyRoute(app: Server, { log }: QueryDeps): void {
  const response = { 200: Content('application/json', { description: 'The webhook as received' }) };
  const schema = { tags, summary: "An event's body: the bytes as received", params: At, response };
  app.get('/v1/events/:position/body', { schema }, async ({ params, caller }, reply) => {
    const { position, row } = await readEventAt(log, caller.scope, params.position, BODY);
    if (!row) throw notFound('event', position);
    return reply
      .header('hookfold-position', String(position))
      .header('cache-control', 'no-store')
      .header('content-type', 'application/json')
      .send(Buffer.from(row[0]!));
  });
}
