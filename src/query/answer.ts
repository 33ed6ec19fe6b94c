// How answers leave: JSON that is put together from texts, never parsed, with the position that it was read at.
import type { FastifyReply } from 'fastify';
import { Problem } from '../http/problem.js';
import type { Page } from './read-page.js';
import type { Texts } from './statement.js';

/** Sends JSON text, read at `position`. */
export function sendJson(reply: FastifyReply, position: number, json: string): FastifyReply {
  return reply
    .header('hookfold-position', String(position))
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(json);
}

/** Sends items, and the cursor of those after them. */
export function sendItems(
  reply: FastifyReply,
  { position, items, nextCursor }: { position: number; items: readonly string[]; nextCursor: string | null },
): FastifyReply {
  return sendJson(
    reply,
    position,
    `{"items":[${items.join(',')}],"next_cursor":${JSON.stringify(nextCursor)}}`,
  );
}

/** Sends a page whose rows `render` turns into JSON text. */
export function sendPage(reply: FastifyReply, page: Page, render: (row: Texts) => string): FastifyReply {
  return sendItems(reply, { ...page, items: page.rows.map(render) });
}

/** One answer for what is not there and for what the caller may not see, so that nobody can tell them apart. */
export function notFound(what: string, position: number): Problem {
  return new Problem(404, 'not-found', `no such ${what}, or none that this key may see`, {
    'hookfold-position': String(position),
  });
}
