// /v1/integrations: what is connected, whether it works, and whether its data have come in.
import { Type } from '@sinclair/typebox';
import { importCompletion } from '../../../projections/import-completion/projection.js';
import { integration } from '../../../projections/integration/projection.js';
import { integrationHealth } from '../../../projections/integration-health/projection.js';
import { OrNull, PageOf, Parameters, PathText, shownRow } from '../../../schemas/http-query.js';
import { IntegrationsQuery, OneIntegrationQuery } from '../../../schemas/http-query-requests.js';
import type { Server } from '../../http/server.js';
import { notFound, sendItems, sendJson } from '../answer.js';
import { forAnswer, type QueryDeps } from '../deps.js';
import { readIntegration, readIntegrationPart, readIntegrations } from '../read-integrations.js';

const Health = shownRow(integrationHealth.row, integrationHealth.internal);
const Imports = shownRow(importCompletion.row, importCompletion.internal);
// Each is null until its read model has come to the integration's first event.
const Whole = Type.Composite([
  shownRow(integration.row, integration.internal),
  Type.Object({ health: OrNull(Health), import: OrNull(Imports) }),
]);
const tags = ['integrations'];
const params = Parameters({ id: PathText('Integration, UUIDs in any spelling') });

/** Adds `/v1/integrations`, one of them, its health and its imports. */
export function addIntegrationRoutes(app: Server, deps: QueryDeps): void {
  const listSchema = {
    tags,
    summary: 'Integrations, each with its health and import',
    querystring: IntegrationsQuery,
    response: { 200: PageOf(Whole) },
  };
  app.get('/v1/integrations', { schema: listSchema }, async ({ query, caller }, reply) =>
    sendItems(reply, await readIntegrations(deps, caller.scope, query)),
  );

  const querystring = OneIntegrationQuery;
  const oneSchema = { tags, summary: 'An integration', params, querystring, response: { 200: Whole } };
  app.get('/v1/integrations/:id', { schema: oneSchema }, async ({ query, params, caller }, reply) => {
    const { position, json } = await readIntegration(forAnswer(deps, reply), caller.scope, params.id, query);
    if (json === undefined) throw notFound('integration', position);
    return sendJson(reply, position, json);
  });

  const parts = [
    { path: 'health', projection: integrationHealth, Row: Health, summary: "An integration's health" },
    { path: 'imports', projection: importCompletion, Row: Imports, summary: "An integration's imports" },
  ];
  for (const { path, projection, Row, summary } of parts) {
    const schema = { tags, summary, params, querystring, response: { 200: Row } };
    app.get(`/v1/integrations/:id/${path}`, { schema }, async ({ query, params, caller }, reply) => {
      const request = { scope: caller.scope, id: params.id, query };
      const { position, json } = await readIntegrationPart(forAnswer(deps, reply), projection, request);
      if (json === undefined) throw notFound('integration', position);
      return sendJson(reply, position, json);
    });
  }
}
