// Reads integrations for the API: as they are now, from the read models, or as they were, from the log.
import type { Static } from '@sinclair/typebox';
import { sql } from 'kysely';
import type { Projection } from '../../projections/contract.js';
import { importCompletion } from '../../projections/import-completion/projection.js';
import { integration } from '../../projections/integration/projection.js';
import { integrationHealth } from '../../projections/integration-health/projection.js';
import type { IntegrationsQuery, OneIntegrationQuery } from '../../schemas/http-query-requests.js';
import { rowToJson, shownColumns } from '../read-models/columns.js';
import { readIntegrationAt, resolveAsOf } from './as-of.js';
import { partOf, toJson } from './columns.js';
import { awaitModels, type QueryDeps } from './deps.js';
import { hasFlag, hasId, hasText } from './filters.js';
import { assertFolded } from './parked.js';
import { parkedOf, positionOf } from './positions.js';
import { type Listing, readOne, readPage } from './read-page.js';
import { narrow, type Scope, scoped, storedId, viewOf } from './scope.js';

/** The projections of an integration: what it is, its health, its import. */
const MODELS = [integration, integrationHealth, importCompletion] as const;
const PARTS = [partOf(integration, 'i'), partOf(integrationHealth, 'h'), partOf(importCompletion, 'm')];

type OneQuery = Static<typeof OneIntegrationQuery>;
type Answer = { position: number; json: string | undefined };

// The integration's own JSON, with its health and its import in it.
function whole([own, health, imports]: readonly (string | undefined)[]): string {
  return `${own!.slice(0, -1)},"health":${health ?? 'null'},"import":${imports ?? 'null'}}`;
}

function listing(scope: Scope, where: Listing['where'], integrationId?: string): Listing {
  return {
    name: 'integration',
    position: positionOf(MODELS, integrationId),
    scope,
    from: (part) => sql`${scoped(part, viewOf(integration), 'i')}
      LEFT JOIN ${scoped(part, viewOf(integrationHealth), 'h')} ON h.integration_id = i.integration_id
      LEFT JOIN ${scoped(part, viewOf(importCompletion), 'm')} ON m.integration_id = i.integration_id`,
    where,
    parts: PARTS,
    key: [{ column: 'i.integration_id', part: 'text' }],
  };
}

/** A page of integrations. */
export async function readIntegrations(
  deps: QueryDeps,
  callerScope: Scope,
  query: Static<typeof IntegrationsQuery>,
): Promise<{ position: number; items: string[]; nextCursor: string | null }> {
  await awaitModels(deps, MODELS, query);
  const where = [
    ...hasText('i.customer_id', query.customer_id),
    ...hasText('i.connector_type', query.connector_type),
    ...hasText('i.state', query.state),
    ...hasFlag('i.installed', query.installed),
    ...hasText('h.status', query.status),
    ...hasText('m.status', query.import),
  ];
  const found = listing(narrow(callerScope, query.workspace_id), where);
  const page = await readPage(deps.read, found, query);
  return { ...page, items: page.rows.map((row) => whole(toJson(PARTS, row))) };
}

/** An integration with its health and import; undefined where there is none to be seen. */
export async function readIntegration(
  deps: QueryDeps,
  scope: Scope,
  id: string,
  query: OneQuery,
): Promise<Answer> {
  if (query.as_of !== undefined) {
    const { position, parts } = await readPartsAt(deps, MODELS, { scope, id, query });
    return { position, json: parts[0] && whole(parts) };
  }
  const integrationId = storedId(id);
  await awaitModels(deps, MODELS, query, integrationId);
  const { position, row } = await readOne(deps.read, {
    ...listing(scope, hasId('i.integration_id', id), integrationId),
    parked: parkedOf(MODELS, [integrationId]),
  });
  assertFolded(position, query);
  return { position, json: row && whole(toJson(PARTS, row)) };
}

/** An integration's row of one projection that is keyed by the integration alone. */
export async function readIntegrationPart(
  deps: QueryDeps,
  projection: Projection,
  { scope, id, query }: { scope: Scope; id: string; query: OneQuery },
): Promise<Answer> {
  if (query.as_of !== undefined) {
    const { position, parts } = await readPartsAt(deps, [projection], { scope, id, query });
    return { position, json: parts[0] };
  }
  const integrationId = storedId(id);
  await awaitModels(deps, [projection], query, integrationId);
  const parts = [partOf(projection, 'p')];
  const { position, row } = await readOne(deps.read, {
    name: projection.name,
    position: positionOf([projection], integrationId),
    parked: parkedOf([projection], [integrationId]),
    scope,
    from: (part) => scoped(part, viewOf(projection), 'p'),
    where: hasId('p.integration_id', id),
    parts,
    key: [{ column: 'p.integration_id', part: 'text' }],
  });
  assertFolded(position, query);
  return { position, json: row && toJson(parts, row)[0] };
}

async function readPartsAt(
  deps: QueryDeps,
  projections: readonly Projection[],
  { scope, id, query }: { scope: Scope; id: string; query: OneQuery },
) {
  const position = await resolveAsOf(deps.log, query);
  const rows = await readIntegrationAt(deps, projections, storedId(id), { position, scope });
  const parts = rows.map((row, index) => row && rowToJson(shownColumns(projections[index]!), row));
  return { position, parts };
}
