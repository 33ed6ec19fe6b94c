import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** The addresses of these CIDR ranges (single addresses too). Throws on what is neither. */
export function createAllowList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits, ...rest] = cidr.split('/');
    const family = isIP(address);
    const prefix = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits);
    if (
      family === 0 ||
      rest.length > 0 ||
      !/^\d{1,3}$/.test(bits ?? '0') ||
      prefix > (family === 6 ? 128 : 32)
    )
      throw new Error(
        `expected an address or a CIDR range such as 203.0.113.0/24, found ${JSON.stringify(cidr)}`,
      );
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/**
 * Whether a request comes from one of these addresses. With `proxyDepth` proxies of ours before the door, each of
 * which appends the address it was called from to X-Forwarded-For, the sender is the entry so far from the right;
 * what a sender wrote into the header itself stands further left and is not looked at.
 */
export function comesFrom(addresses: BlockList, proxyDepth: number, request: IncomingMessage): boolean {
  const address = addressOf(request, proxyDepth).replace(/^::ffff:(?=[\d.]+$)/i, '');
  const family = isIP(address);
  return family !== 0 && addresses.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function addressOf(request: IncomingMessage, proxyDepth: number): string {
  if (proxyDepth === 0) return request.socket.remoteAddress ?? '';
  const forwarded = request.headers['x-forwarded-for'];
  const entries = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',');
  return entries.at(-proxyDepth)?.trim() ?? '';
}
