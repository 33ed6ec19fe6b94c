// /v1/connections: which integration a connect() call ended in, and whether two did.
import { Type } from '@sinclair/typebox';
import { connectionState } from '../../../projections/connection-state/projection.js';
import {
  Filter,
  InWorkspace,
  PageOf,
  Paging,
  Parameters,
  PathText,
  shownRow,
  Waiting,
} from '../../../schemas/http-query.js';
import { Problem } from '../../http/problem.js';
import type { Server } from '../../http/server.js';
import { notFound, sendJson, sendPage } from '../answer.js';
import { partOf, toJson } from '../columns.js';
import { awaitModels, type QueryDeps } from '../deps.js';
import { hasFlag, hasText } from '../filters.js';
import { positionOf } from '../positions.js';
import { type Listing, readPage } from '../read-page.js';
import { narrow, type Scope, scoped, viewOf } from '../scope.js';
import type { Texts } from '../statement.js';

const Row = shownRow(connectionState.row);
const tags = ['connections'];
const PARTS = [partOf(connectionState, 'c')];
const render = (row: Texts) => toJson(PARTS, row)[0]!;

function listing(scope: Scope, where: Listing['where']): Listing {
  return {
    name: 'connection',
    position: positionOf([connectionState]),
    scope,
    from: (part) => scoped(part, viewOf(connectionState), 'c'),
    where,
    parts: PARTS,
    key: [
      { column: 'c.workspace_id', part: 'text' },
      { column: 'c.state', part: 'text' },
    ],
  };
}

const ListQuery = Parameters({
  ...InWorkspace,
  state: Filter('State given at connect()'),
  collision: Type.Optional(
    Type.Boolean({ description: 'Whether one state ended in more than one integration' }),
  ),
  ...Paging,
  ...Waiting,
});
const OneQuery = Parameters({ ...InWorkspace, ...Waiting });

/** Adds `/v1/connections` and one of them. */
export function addConnectionRoutes(app: Server, deps: QueryDeps): void {
  const listSchema = {
    tags,
    summary: 'States of connect() calls, each with the integrations it ended in',
    querystring: ListQuery,
    response: { 200: PageOf(Row) },
  };
  app.get('/v1/connections', { schema: listSchema }, async ({ query, caller }, reply) => {
    await awaitModels(deps, [connectionState], query);
    const where = [...hasText('c.state', query.state), ...hasFlag('c.collision', query.collision)];
    const found = listing(narrow(caller.scope, query.workspace_id), where);
    return sendPage(reply, await readPage(deps.read, found, query), render);
  });

  const oneSchema = {
    tags,
    summary: 'The integration that a connect() call ended in',
    params: Parameters({ state: PathText('State given at connect()') }),
    querystring: OneQuery,
    response: { 200: Row },
  };
  app.get('/v1/connections/:state', { schema: oneSchema }, async ({ query, params, caller }, reply) => {
    await awaitModels(deps, [connectionState], query);
    const found = listing(narrow(caller.scope, query.workspace_id), hasText('c.state', params.state));
    const { position, rows } = await readPage(deps.read, found, { limit: 2 });
    if (rows.length === 0) throw notFound('connection', position);
    if (rows.length > 1)
      throw new Problem(
        400,
        'workspace-needed',
        'this state is in several workspaces: name one by workspace_id',
      );
    return sendJson(reply, position, render(rows[0]!));
  });
}
