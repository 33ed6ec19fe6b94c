import type { ConnectionOptions } from 'nats';

/**
 * What NATS_URL says: servers with commas between, and credentials that nats.js does not read from a URL, as
 * `nats://user:password@host:4222`, `nats://token@host` or `tls://host`; those of the first server are used for all. Throws
 * a TypeError, without the URL's text, where one is no URL, or its credentials cannot be decoded.
 */
export function parseNatsUrl(natsUrl: string): ConnectionOptions {
  const urls = natsUrl.split(',').map((text) => toUrl(text.trim()));
  const [{ username, password, protocol }] = urls as [URL];
  const [user, pass] = [decode(username), decode(password)];
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
    ...(pass ? { user, pass } : user ? { token: user } : {}),
    ...(protocol === 'tls:' ? { tls: {} } : {}),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('NATS_URL has a % in its user or password that is no escape: write it as %25');
  }
}

function toUrl(text: string): URL {
  const url = text.includes('://') ? text : `nats://${text}`;
  // Without a host (a comma too many, a scheme alone) it is a URL all the same.
  if (URL.canParse(url) && new URL(url).hostname) return new URL(url);
  throw new TypeError('NATS_URL has to be like nats://host:4222, several with commas between');
}
