// Reads resources for the API: as they are now, from the read model, or as they were, from the log.
import type { Static } from '@sinclair/typebox';
import type { AnyRow } from '../../projections/contract.js';
import { resource } from '../../projections/resource/projection.js';
import type { OneResourceQuery, ResourcePath, ResourcesQuery } from '../../schemas/http-query-requests.js';
import { storableText } from '../../schemas/text.js';
import { Problem } from '../http/problem.js';
import { resolveAsOf } from './as-of.js';
import { partOf, toJson } from './columns.js';
import { awaitModels, type QueryDeps } from './deps.js';
import { hasText } from './filters.js';
import { assertFolded } from './parked.js';
import { parkedOf, positionOf } from './positions.js';
import { type Listing, readOne, readPage } from './read-page.js';
import { readResourceAt, readResourcesAt } from './resources-at.js';
import { narrow, type Scope, scoped, storedId, viewOf } from './scope.js';

const PARTS = [partOf(resource, 'r')];

function listing(scope: Scope, equals: Record<string, string | undefined>): Listing {
  return {
    name: 'resource',
    position: positionOf([resource], equals.integration_id),
    scope,
    from: (part) => scoped(part, viewOf(resource), 'r'),
    where: Object.entries(equals).flatMap(([column, value]) => hasText(`r.${column}`, value)),
    parts: PARTS,
    key: [
      { column: 'r.integration_id', part: 'text' },
      { column: 'r.type', part: 'text' },
      { column: 'r.resource_id', part: 'text' },
    ],
  };
}

/** The key in a path, as it is stored. */
export function storedKey({ integration_id, type, resource_id }: Static<typeof ResourcePath>) {
  return {
    integration_id: storedId(integration_id),
    type: storableText(type),
    resource_id: storableText(resource_id),
  };
}

/** A page of resources. */
export async function readResources(
  deps: QueryDeps,
  callerScope: Scope,
  query: Static<typeof ResourcesQuery>,
): Promise<{ position: number; items: string[]; nextCursor: string | null }> {
  const scope = narrow(callerScope, query.workspace_id);
  if (query.as_of !== undefined) return listAt(deps, scope, query);
  const { type, resource_id, customer_id, status } = query;
  const integration_id = query.integration_id === undefined ? undefined : storedId(query.integration_id);
  await awaitModels(deps, [resource], query, integration_id);
  const found = listing(scope, { integration_id, type, resource_id, customer_id, status });
  const page = await readPage(deps.read, found, query);
  return { ...page, items: page.rows.map((row) => toJson(PARTS, row)[0]!) };
}

/** A resource's JSON; undefined where there is none to be seen. */
export async function readResource(
  deps: QueryDeps,
  scope: Scope,
  path: Static<typeof ResourcePath>,
  query: Static<typeof OneResourceQuery>,
): Promise<{ position: number; json: string | undefined }> {
  const key = storedKey(path);
  if (query.as_of !== undefined) {
    const position = await resolveAsOf(deps.log, query);
    return { position, json: await readResourceAt(deps, key, { position, scope }) };
  }
  await awaitModels(deps, [resource], query, key.integration_id);
  const { position, row } = await readOne(deps.read, {
    ...listing(scope, key),
    parked: parkedOf([resource], [key.integration_id, key.type, key.resource_id]),
  });
  assertFolded(position, query);
  return { position, json: row && toJson(PARTS, row)[0] };
}

async function listAt(deps: QueryDeps, scope: Scope, query: Static<typeof ResourcesQuery>) {
  const { customer_id, status, limit, cursor } = query;
  if (query.integration_id === undefined)
    throw new Problem(400, 'integration-needed', 'as_of: name one integration by integration_id beside it');
  const wanted = (row: AnyRow) =>
    (customer_id === undefined || row.customer_id === storableText(customer_id)) &&
    (status === undefined || row.status === status);
  return readResourcesAt(deps, {
    integration_id: storedId(query.integration_id),
    ...(query.type === undefined ? {} : { type: storableText(query.type) }),
    ...(query.resource_id === undefined ? {} : { resource_id: storableText(query.resource_id) }),
    ...{ wanted, scope, limit, cursor },
    position: await resolveAsOf(deps.log, query),
  });
}
