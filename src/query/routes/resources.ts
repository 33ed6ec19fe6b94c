// /v1/resources: what every resource is now.
import { resource } from '../../../projections/resource/projection.js';
import {
  AsOf,
  Filter,
  PageOf,
  Paging,
  Parameters,
  PathText,
  shownRow,
  Waiting,
} from '../../../schemas/http-query.js';
import type { Server } from '../../http/server.js';
import { notFound, sendJson, sendPage } from '../answer.js';
import { partOf, toJson } from '../columns.js';
import { awaitModels, type QueryDeps } from '../deps.js';
import { hasId, hasText } from '../filters.js';
import { positionOf } from '../positions.js';
import { type Listing, readOne, readPage } from '../read-page.js';
import { narrow, type Scope, scoped, viewOf } from '../scope.js';
import type { Texts } from '../statement.js';

const Row = shownRow(resource.row, resource.internal);
const tags = ['resources'];
const PARTS = [partOf(resource, 'r')];
const render = (row: Texts) => toJson(PARTS, row)[0]!;

function listing(scope: Scope, where: Listing['where']): Listing {
  return {
    name: 'resource',
    position: positionOf([resource]),
    from: scoped(scope, viewOf(resource), 'r'),
    where,
    parts: PARTS,
    key: [
      { column: 'r.integration_id', part: 'text' },
      { column: 'r.type', part: 'text' },
      { column: 'r.resource_id', part: 'text' },
    ],
  };
}

const ListQuery = Parameters({
  workspace_id: Filter('Workspace, UUIDs in any spelling'),
  integration_id: Filter('Integration, UUIDs in any spelling'),
  type: Filter('Kind of resource'),
  resource_id: Filter('Resource'),
  customer_id: Filter('Customer'),
  status: Filter('present or deleted'),
  ...Paging,
  ...Waiting,
  ...AsOf,
});

const One = Parameters({
  integration_id: PathText('Integration, UUIDs in any spelling'),
  type: PathText('Kind of resource'),
  resource_id: PathText('Resource'),
});

export function addResourceRoutes(app: Server, deps: QueryDeps): void {
  const listSchema = { tags, summary: 'Resources', querystring: ListQuery, response: { 200: PageOf(Row) } };
  app.get('/v1/resources', { schema: listSchema }, async (request, reply) => {
    const { query, caller } = request;
    await awaitModels(deps, [resource], query);
    const scope = narrow(caller.scope, query.workspace_id);
    const where = [
      ...hasId('r.integration_id', query.integration_id),
      ...hasText('r.type', query.type),
      ...hasText('r.resource_id', query.resource_id),
      ...hasText('r.customer_id', query.customer_id),
      ...hasText('r.status', query.status),
    ];
    return sendPage(reply, await readPage(deps.read, listing(scope, where), query), render);
  });

  const oneSchema = {
    tags,
    summary: 'A resource',
    params: One,
    querystring: Parameters({ ...Waiting, ...AsOf }),
    response: { 200: Row },
  };
  const path = '/v1/resources/:integration_id/:type/:resource_id';
  app.get(path, { schema: oneSchema }, async (request, reply) => {
    const { query, params, caller } = request;
    await awaitModels(deps, [resource], query);
    const where = [
      ...hasId('r.integration_id', params.integration_id),
      ...hasText('r.type', params.type),
      ...hasText('r.resource_id', params.resource_id),
    ];
    const { position, row } = await readOne(deps.read, listing(caller.scope, where));
    if (!row) throw notFound('resource', position);
    return sendJson(reply, position, render(row));
  });
}
