// /v1/resources: what every resource is, was, and how it came to be so.
import type { Static } from '@sinclair/typebox';
import { resource } from '../../../projections/resource/projection.js';
import { AsOf, Order, PageOf, Paging, Parameters, shownRow, Waiting } from '../../../schemas/http-query.js';
import { VersionOf } from '../../../schemas/http-query-history.js';
import { OneResourceQuery, ResourcePath, ResourcesQuery } from '../../../schemas/http-query-requests.js';
import type { Server } from '../../http/server.js';
import { notFound, sendItems, sendJson } from '../answer.js';
import { resolveAsOf } from '../as-of.js';
import { fromCursor, toCursor } from '../cursor.js';
import { awaitHead, forAnswer, type QueryDeps } from '../deps.js';
import { readResource, readResources, storedKey } from '../read-resources.js';
import { readVersions } from '../resource-history.js';
import type { Scope } from '../scope.js';

const Row = shownRow(resource.row, resource.internal);
const tags = ['resources'];
const PATH = '/v1/resources/:integration_id/:type/:resource_id';

const HistoryQuery = Parameters({ order: Order, ...Paging, ...Waiting, ...AsOf });

/** Adds `/v1/resources`, one of them, and its history. */
export function addResourceRoutes(app: Server, deps: QueryDeps): void {
  const listSchema = {
    tags,
    summary: 'Resources',
    description: 'With as_of a page may be shorter than limit and yet have a next_cursor.',
    querystring: ResourcesQuery,
    response: { 200: PageOf(Row) },
  };
  app.get('/v1/resources', { schema: listSchema }, async ({ query, caller }, reply) =>
    sendItems(reply, await readResources(forAnswer(deps, reply), caller.scope, query)),
  );

  const oneSchema = {
    ...{ tags, summary: 'A resource', params: ResourcePath, querystring: OneResourceQuery },
    response: { 200: Row },
  };
  app.get(PATH, { schema: oneSchema }, async ({ query, params, caller }, reply) => {
    const { position, json } = await readResource(forAnswer(deps, reply), caller.scope, params, query);
    if (json === undefined) throw notFound('resource', position);
    return sendJson(reply, position, json);
  });

  const historySchema = {
    tags,
    summary: "A resource's versions, each with its event and what it changed",
    params: ResourcePath,
    querystring: HistoryQuery,
    response: { 200: PageOf(VersionOf(Row)) },
  };
  app.get(`${PATH}/history`, { schema: historySchema }, async ({ query, params, caller }, reply) =>
    sendItems(reply, await readHistoryPage(forAnswer(deps, reply), caller.scope, params, query)),
  );
}

async function readHistoryPage(
  deps: QueryDeps,
  scope: Scope,
  path: Static<typeof ResourcePath>,
  query: Static<typeof HistoryQuery>,
) {
  const { order, limit, cursor } = query;
  const list = `version-${order}`;
  await awaitHead(deps, query);
  const position = await resolveAsOf(deps.log, query);
  const after = cursor === undefined ? undefined : Number(fromCursor(list, ['position'], cursor)[0]);
  const { integration_id, ...key } = storedKey(path);
  const { versions, more } = await readVersions(deps, {
    ...{ integration_id, resource: key, through: position, scope, limit, order, after },
  });
  if (versions.length === 0 && after === undefined) throw notFound('resource', position);
  const last = versions.at(-1);
  return {
    position,
    items: versions.map(({ json }) => json),
    nextCursor: more && last ? toCursor(list, [String(last.position)]) : null,
  };
}
