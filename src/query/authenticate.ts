// Who asks. Nothing is answered without a key but what holds no customer's data.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../http/problem.js';
import type { KeyRing } from './key-ring.js';
import type { Caller } from './scope.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set on every route that needs a key. */
    caller: Caller;
  }
  interface FastifyContextConfig {
    /** `admin`: for admin keys; default: for every key. */
    key?: 'admin';
  }
}

// Health, metrics (counts and times of the process, no label of a workspace) and the description of the API.
const OPEN = /^\/(healthz|readyz|metrics|openapi\.json|docs(\/.*)?)$/;

/** Asks every request for its key, before anything else looks at it. */
export function requireKeys(app: FastifyInstance, keys: KeyRing): void {
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request) => {
    if (OPEN.test(request.routeOptions.url ?? '')) return;
    request.caller = await authenticate(request, keys);
    if (request.routeOptions.config.key === 'admin' && !request.caller.admin) throw forbidden();
  });
}

/** Who asks, by the request's key. Throws a problem (401) without a key in use. */
export async function authenticate(request: FastifyRequest, keys: KeyRing): Promise<Caller> {
  const key = presentedKey(request);
  const caller = key === undefined ? undefined : await keys.find(key);
  if (caller) return caller;
  throw unauthorized();
}

function presentedKey({ headers }: FastifyRequest): string | undefined {
  const [, bearer] = headers.authorization?.match(/^Bearer +(\S+)$/i) ?? [];
  const named = headers['x-api-key'];
  return bearer ?? (typeof named === 'string' ? named : undefined);
}

const unauthorized = () =>
  new Problem(
    401,
    'key-needed',
    'expected an API key in use, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`; `hookfold key add` makes one',
    { 'www-authenticate': 'Bearer realm="hookfold"' },
  );

const forbidden = () => new Problem(403, 'admin-needed', 'this is for keys made with --admin');
