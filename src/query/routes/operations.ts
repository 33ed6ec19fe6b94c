// For those who operate: how far the read models are, and what could not be taken in, read or folded.
import { PROJECTIONS } from '../../../projections/index.js';
import { keyOfId } from '../../../projections/key.js';
import { Filter, PageOf, Paging, Parameters } from '../../../schemas/http-query.js';
import { RejectedQuery } from '../../../schemas/http-query-requests.js';
import {
  ParkedStatus,
  ProjectionStatus,
  RejectedStatus,
  UnreadableStatus,
} from '../../../schemas/http-query-status.js';
import type { Server } from '../../http/server.js';
import { readHead } from '../../log/read-log.js';
import { listRejected } from '../../log/rejected.js';
import type { Column } from '../../read-models/columns.js';
import { readProgress } from '../../read-models/progress.js';
import { sendItems, sendPage } from '../answer.js';
import { type Part, toJson } from '../columns.js';
import { fromCursor, toCursor } from '../cursor.js';
import type { QueryDeps } from '../deps.js';
import { hasText } from '../filters.js';
import { positionOf } from '../positions.js';
import { readPage } from '../read-page.js';
import { parkedRows, scoped, UNREADABLE } from '../scope.js';
import type { Texts } from '../statement.js';

const tags = ['operations'];
const admin = { key: 'admin' } as const;

const text = (name: string): Column => ({ name, kind: 'text' });
const bigint = (name: string): Column => ({ name, kind: 'bigint' });
const UNREADABLE_PART: Part = {
  alias: 'u',
  columns: [bigint('position'), text('projection'), text('event'), text('reason')],
};
const PARKED_PART: Part = {
  alias: 'p',
  columns: [
    ...[text('projection'), bigint('version'), bigint('position'), text('event'), text('reason')],
    { name: 'parked_at', kind: 'timestamptz' },
  ],
};

const KEY_PART: Part = { alias: 'p', columns: [text('key_id')] };

const ProblemsQuery = Parameters({ projection: Filter('Name of the read model'), ...Paging });

/** Adds `/v1/projections`, `/v1/rejected`, `/v1/unreadable` and `/v1/parked`. */
export function addOperationRoutes(app: Server, deps: QueryDeps): void {
  addProjectionsRoute(app, deps);
  addRejectedRoute(app, deps);
  addUnreadableRoute(app, deps);
  addParkedRoute(app, deps);
}

function addProjectionsRoute(app: Server, { log, read }: QueryDeps): void {
  const schema = {
    tags,
    summary: 'How far the read models are',
    response: { 200: PageOf(ProjectionStatus) },
  };
  app.get('/v1/projections', { schema, config: admin }, async (_request, reply) => {
    // Before what it stands for, which may have more.
    const position = await readHead(log);
    const progress = await readProgress(log, read);
    const items = progress.map((projection) => JSON.stringify(projection));
    return sendItems(reply, { position, items, nextCursor: null });
  });
}

function addRejectedRoute(app: Server, { log }: QueryDeps): void {
  const summary = 'Requests of known sources that are no event, newest first';
  const schema = { tags, summary, querystring: RejectedQuery, response: { 200: PageOf(RejectedStatus) } };
  app.get('/v1/rejected', { schema, config: admin }, async ({ query }, reply) => {
    const { cursor, limit, ...filter } = query;
    const before =
      cursor === undefined ? {} : { before: Number(fromCursor('rejected', ['position'], cursor)[0]) };
    const position = await readHead(log);
    const found = await listRejected(log, { ...filter, ...before, limit: limit + 1, released: true });
    const items = found.slice(0, limit);
    return sendItems(reply, {
      position,
      items: items.map((item) => JSON.stringify(item)),
      nextCursor: found.length > limit ? toCursor('rejected', [String(items.at(-1)!.id)]) : null,
    });
  });
}

function addUnreadableRoute(app: Server, { read }: QueryDeps): void {
  const summary = 'Events that a read model could not read: known, but not in the form of their schema';
  const schema = { tags, summary, querystring: ProblemsQuery, response: { 200: PageOf(UnreadableStatus) } };
  app.get('/v1/unreadable', { schema }, async ({ query, caller }, reply) => {
    const page = await readPage(
      read,
      {
        name: 'unreadable',
        position: positionOf(PROJECTIONS),
        scope: caller.scope,
        from: (part) => scoped(part, UNREADABLE, 'u'),
        where: hasText('u.projection', query.projection),
        parts: [UNREADABLE_PART],
        key: [
          { column: 'u.position', part: 'position' },
          { column: 'u.projection', part: 'text' },
        ],
      },
      query,
    );
    return sendPage(reply, page, render(UNREADABLE_PART));
  });
}

function addParkedRoute(app: Server, { read }: QueryDeps): void {
  const summary = 'Events that a read model could not fold, and those of the same row that wait behind them';
  const schema = { tags, summary, querystring: ProblemsQuery, response: { 200: PageOf(ParkedStatus) } };
  app.get('/v1/parked', { schema, config: admin }, async ({ query }, reply) => {
    const page = await readPage(
      read,
      {
        name: 'parked',
        position: positionOf(PROJECTIONS),
        scope: 'all',
        from: (part) => scoped(part, parkedRows(PROJECTIONS), 'p'),
        where: hasText('p.projection', query.projection),
        parts: [PARKED_PART, KEY_PART],
        key: [
          { column: 'p.projection', part: 'text' },
          { column: 'p.version', part: 'position' },
          { column: 'p.position', part: 'position' },
        ],
      },
      query,
    );
    return sendPage(reply, page, parkedToJson);
  });
}

function parkedToJson(row: Texts): string {
  const json = render(PARKED_PART)(row);
  return `${json.slice(0, -1)},"key":${JSON.stringify(keyOfId(row.at(-1)!))}}`;
}

const render = (part: Part) => (row: Texts) => toJson([part], row)[0]!;
