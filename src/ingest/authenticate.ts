// Whether a request comes from the source it names. Two questions, as a signature needs the body: what the request
// line and headers prove, before a byte of the body is read, and what the signature proves. Whatever is wrong, the
// answer is no, in the same way: no exception, no word on which part it was.
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { SecretKind } from '../log/source.js';
import { hashSecret } from '../log/source-secret.js';
import { comesFrom } from './client-address.js';
import { textOf } from './header-text.js';
import { isSignedByHmac } from './hmac.js';
import type { KnownSource } from './source-book.js';
import { isSignedByStandardWebhooks } from './standard-webhooks.js';

/** Called with the id of each secret that held. */
export type OnUsed = (secretId: string) => void;

const NO_SECRETS: KnownSource['secrets'] = [{ id: '', kind: 'token', value: Buffer.alloc(32) }];

/** Whether address, token and header secret hold. A source that does not exist costs the same as a wrong token. */
export function isSender(
  source: KnownSource | undefined,
  request: IncomingMessage,
  pathToken: string | undefined,
  onUsed: OnUsed,
): boolean {
  const token = pathToken ?? tokenOf(request.headers.authorization);
  if (source === undefined) {
    matches(NO_SECRETS, 'token', token, onUsed);
    return false;
  }
  const { rules } = source;
  if (source.addresses && !comesFrom(source.addresses, source.proxy_depth, request)) return false;
  if (rules.token && !matches(source.secrets, 'token', token, onUsed)) return false;
  if (rules.header && !matches(source.secrets, 'header', textOf(request.headers[rules.header]), onUsed))
    return false;
  return Boolean(rules.token || rules.header || source.isSigned || rules.unverified);
}

/** Whether the signatures that the source asks for hold for these bytes. */
export function isSigned(
  source: KnownSource,
  request: IncomingMessage,
  body: Buffer,
  onUsed: OnUsed,
): boolean {
  const { rules } = source;
  if (rules.hmac && !isSignedByHmac(source, rules.hmac, request.headers, body, onUsed)) return false;
  if (rules.standard_webhooks && !isSignedByStandardWebhooks(source, request.headers, body, onUsed))
    return false;
  return true;
}

// All are compared, so that the time does not tell which one came close. An absent one is compared as well.
function matches(
  secrets: KnownSource['secrets'],
  kind: SecretKind,
  presented: string | undefined,
  onUsed: OnUsed,
): boolean {
  const id = presented === undefined ? undefined : findProven(secrets, kind, presented);
  if (id !== undefined) {
    onUsed(id);
    return true;
  }
  const hash = hashSecret(presented ?? '');
  let match: KnownSource['secrets'][number] | undefined;
  for (const secret of secrets)
    if (secret.kind === kind && timingSafeEqual(secret.value, hash)) match = secret;
  if (match === undefined || presented === undefined) return false;
  proven.set(match, Buffer.from(presented));
  onUsed(match.id);
  return true;
}

// What held once, in memory only: the next request with the same is compared with it, byte by byte in constant time,
// and costs no digest. It goes with its secret when the sources change.
const proven = new WeakMap<KnownSource['secrets'][number], Buffer>();

function findProven(
  secrets: KnownSource['secrets'],
  kind: SecretKind,
  presented: string,
): string | undefined {
  for (const secret of secrets) {
    const known = secret.kind === kind ? proven.get(secret) : undefined;
    if (known === undefined) continue;
    const bytes = Buffer.from(presented);
    if (bytes.length === known.length && timingSafeEqual(bytes, known)) return secret.id;
  }
  return undefined;
}

// Bearer's value, or Basic's password: all after the first colon.
function tokenOf(authorization: string | undefined): string | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (value === undefined || scheme?.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}
