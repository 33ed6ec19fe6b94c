// /v1/events/live: events as they come, as server-sent events. The id of each is its position, so a client that
// comes back with Last-Event-ID goes on behind it without a gap.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { Static } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Content } from '../../../schemas/http-query.js';
import { LiveQuery } from '../../../schemas/http-query-requests.js';
import { Problem, unavailable } from '../../http/problem.js';
import type { Server } from '../../http/server.js';
import { assertNext } from '../../log/assert-next.js';
import { readHead } from '../../log/read-log.js';
import { authenticate } from '../authenticate.js';
import type { QueryDeps } from '../deps.js';
import { openEventStream } from '../event-stream.js';
import { followEvents } from '../follow-events.js';
import type { KeyRing } from '../key-ring.js';
import { stopping } from '../positions.js';
import { narrow } from '../scope.js';

type Query = Static<typeof LiveQuery>;

/** Streams of one process: each holds a socket and a page, and asks the log at every event. */
const MAX_STREAMS = 200;
/** Of these, streams of one key: whoever comes back wrongly takes the places of no other. */
const MAX_STREAMS_OF_KEY = 50;

/** Adds `/v1/events/live`; the streams end when the app closes. */
export function addLiveRoute(app: Server, deps: QueryDeps, keys: KeyRing): void {
  const streams = new Map<AbortController, string>();
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
    for (const stream of streams.keys()) stream.abort();
  });

  // Counted before anything is waited for, or many that come at once would all find room.
  function takePlace(key: string): AbortController {
    if (isClosing) throw stopping();
    if (streams.size >= MAX_STREAMS)
      throw unavailable('too-many-streams', `this process has ${MAX_STREAMS} live streams already`, 10);
    if ([...streams.values()].filter((name) => name === key).length >= MAX_STREAMS_OF_KEY)
      throw unavailable(
        'too-many-streams',
        `this key has ${MAX_STREAMS_OF_KEY} live streams here already`,
        10,
      );
    const ended = new AbortController();
    streams.set(ended, key);
    return ended;
  }

  async function serve(
    request: FastifyRequest,
    query: Query,
    reply: FastifyReply,
    ended: AbortController,
  ): Promise<void> {
    const after = await startOf(deps, query, request.headers['last-event-id']);
    if (ended.signal.aborted) throw stopping();
    reply.hijack();
    const stream = openEventStream(reply.raw, ended, after);
    try {
      const scope = async () => narrow((await authenticate(request, keys)).scope, query.workspace_id);
      await followEvents(deps, { query, after, scope, stream, signal: ended.signal });
    } catch (error) {
      // The client comes back with the last id that it has.
      if (!ended.signal.aborted) request.log.warn({ err: error }, 'a live stream ends');
    } finally {
      stream.end();
    }
  }

  const schema = {
    tags: ['events'],
    summary: 'Events as they come (text/event-stream), with their bodies; resumable by Last-Event-ID',
    querystring: LiveQuery,
    response: { 200: Content('text/event-stream', { type: 'string', description: 'Server-sent events' }) },
  };
  // No HEAD: nothing would be sent, and the stream go on.
  app.get('/v1/events/live', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const ended = takePlace(request.caller.name);
    try {
      await serve(request, request.query, reply, ended);
    } finally {
      streams.delete(ended);
    }
  });
}

async function startOf(
  { log }: QueryDeps,
  { after }: Query,
  lastEventId: FastifyRequest['headers'][string],
): Promise<number> {
  const start = await givenStart(log, after, lastEventId);
  await assertNext(log, start);
  return start;
}

async function givenStart(
  log: QueryDeps['log'],
  after: Query['after'],
  lastEventId: FastifyRequest['headers'][string],
): Promise<number> {
  const head = await readHead(log);
  const hasId = typeof lastEventId === 'string' && lastEventId !== '';
  const given = hasId ? lastEventId : after;
  if (given === undefined) return head;
  if (/^\d{1,16}$/.test(String(given)) && Number(given) <= head) return Number(given);
  const name = hasId ? 'Last-Event-ID' : 'after';
  throw new Problem(400, 'beyond-head', `${name}: expected a position up to the log's head, ${head}`);
}
