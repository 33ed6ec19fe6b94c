// /v1/integrations: what is connected, whether it works, and whether its data have come in.
import { Type } from '@sinclair/typebox';
import { sql } from 'kysely';
import type { Projection } from '../../../projections/contract.js';
import { importCompletion } from '../../../projections/import-completion/projection.js';
import { integration } from '../../../projections/integration/projection.js';
import { integrationHealth } from '../../../projections/integration-health/projection.js';
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
import { hasFlag, hasId, hasText } from '../filters.js';
import { positionOf } from '../positions.js';
import { type Listing, readOne, readPage } from '../read-page.js';
import { narrow, type Scope, scoped, viewOf } from '../scope.js';
import type { Texts } from '../statement.js';

const MODELS = [integration, integrationHealth, importCompletion];
const Health = shownRow(integrationHealth.row, integrationHealth.internal);
const Imports = shownRow(importCompletion.row, importCompletion.internal);
const Whole = Type.Intersect([
  shownRow(integration.row, integration.internal),
  Type.Object({ health: Health, import: Imports }),
]);
const tags = ['integrations'];
const Id = Parameters({ id: PathText('Integration, UUIDs in any spelling') });

const PARTS = [partOf(integration, 'i'), partOf(integrationHealth, 'h'), partOf(importCompletion, 'm')];

/** An integration's JSON with its health and its import in it. */
export function wholeIntegration(
  own: string,
  health: string | undefined,
  imports: string | undefined,
): string {
  return `${own.slice(0, -1)},"health":${health ?? 'null'},"import":${imports ?? 'null'}}`;
}

function render(row: Texts): string {
  const [own, health, imports] = toJson(PARTS, row);
  return wholeIntegration(own!, health, imports);
}

function listing(scope: Scope, where: Listing['where']): Listing {
  return {
    name: 'integration',
    position: positionOf(MODELS),
    from: sql`${scoped(scope, viewOf(integration), 'i')}
      LEFT JOIN ${scoped(scope, viewOf(integrationHealth), 'h')} ON h.integration_id = i.integration_id
      LEFT JOIN ${scoped(scope, viewOf(importCompletion), 'm')} ON m.integration_id = i.integration_id`,
    where,
    parts: PARTS,
    key: [{ column: 'i.integration_id', part: 'text' }],
  };
}

function single(projection: Projection, scope: Scope, id: string): Listing {
  return {
    name: projection.name,
    position: positionOf([projection]),
    from: scoped(scope, viewOf(projection), 's'),
    where: hasId('s.integration_id', id),
    parts: [partOf(projection, 's')],
    key: [{ column: 's.integration_id', part: 'text' }],
  };
}

const ListQuery = Parameters({
  workspace_id: Filter('Workspace, UUIDs in any spelling'),
  customer_id: Filter('Customer'),
  connector_type: Filter('Connector'),
  status: Filter('Health: unknown, healthy or broken'),
  import: Filter('Import: pending or complete'),
  state: Filter('State of the connect() call'),
  installed: Type.Optional(Type.Boolean({ description: 'Whether an install was seen' })),
  ...Paging,
  ...Waiting,
});

export function addIntegrationRoutes(app: Server, deps: QueryDeps): void {
  const listSchema = {
    tags,
    summary: 'Integrations, each with its health and import',
    querystring: ListQuery,
    response: { 200: PageOf(Whole) },
  };
  app.get('/v1/integrations', { schema: listSchema }, async (request, reply) => {
    const { query, caller } = request;
    await awaitModels(deps, MODELS, query);
    const where = [
      ...hasText('i.customer_id', query.customer_id),
      ...hasText('i.connector_type', query.connector_type),
      ...hasText('i.state', query.state),
      ...hasFlag('i.installed', query.installed),
      ...hasText('h.status', query.status),
      ...hasText('m.status', query.import),
    ];
    const scope = narrow(caller.scope, query.workspace_id);
    return sendPage(reply, await readPage(deps.read, listing(scope, where), query), render);
  });

  const querystring = Parameters({ ...Waiting, ...AsOf });
  const oneSchema = { tags, summary: 'An integration', params: Id, querystring, response: { 200: Whole } };
  app.get('/v1/integrations/:id', { schema: oneSchema }, async (request, reply) => {
    const { query, params, caller } = request;
    await awaitModels(deps, MODELS, query);
    const { position, row } = await readOne(
      deps.read,
      listing(caller.scope, hasId('i.integration_id', params.id)),
    );
    if (!row) throw notFound('integration', position);
    return sendJson(reply, position, render(row));
  });

  const parts = [
    { path: 'health', projection: integrationHealth, Row: Health, summary: "An integration's health" },
    { path: 'imports', projection: importCompletion, Row: Imports, summary: "An integration's imports" },
  ];
  for (const { path, projection, Row, summary } of parts) {
    const schema = { tags, summary, params: Id, querystring, response: { 200: Row } };
    app.get(`/v1/integrations/:id/${path}`, { schema }, async (request, reply) => {
      const { query, params, caller } = request;
      await awaitModels(deps, [projection], query);
      const found = single(projection, caller.scope, params.id);
      const { position, row } = await readOne(deps.read, found);
      if (!row) throw notFound('integration', position);
      return sendJson(reply, position, toJson(found.parts, row)[0]!);
    });
  }
}
