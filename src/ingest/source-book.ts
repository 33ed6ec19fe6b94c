// The sources in memory: what the door asks at every request, and what the database says of them every second.
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { BlockList } from 'node:net';
import type { Source } from '../log/source.js';
import { createAllowList } from './client-address.js';
import { type ByteBudget, createByteBudget, createRateLimit, type RateLimit } from './load.js';

/** A source with what is derived from it once, not once a request. */
export interface KnownSource extends Omit<Source, 'workspaces' | 'cidrs'> {
  workspaces: ReadonlySet<string> | undefined;
  addresses: BlockList | undefined;
  /** Whether the body has to be read before the sender is known. */
  isSigned: boolean;
  publicKeys: { id: string; key: KeyObject }[];
  bytes: ByteBudget;
  mayCome: RateLimit | undefined;
}

export interface SourceBook {
  find(name: string): KnownSource | undefined;
  all(): Iterable<KnownSource>;
  /** Whether there is such a source, but nobody can tell what it asks for. */
  isUnreadable(name: string): boolean;
  /** Answers what is wrong with those that cannot be read, by name. */
  replace(sources: readonly Source[]): ReadonlyMap<string, unknown>;
}

/** A book in which each source may have `shareBytes` in flight (its own `max_bytes` replaces that). */
export function createSourceBook(budget: ByteBudget, shareBytes: number): SourceBook {
  let known = new Map<string, KnownSource>();
  let unreadable = new Map<string, unknown>();

  function replace(sources: readonly Source[]): ReadonlyMap<string, unknown> {
    const next = new Map<string, KnownSource>();
    unreadable = new Map();
    for (const source of sources) {
      try {
        next.set(source.name, derive(source, known.get(source.name)));
      } catch (error) {
        unreadable.set(source.name, error); // A row that was written by hand closes the door for no other source.
      }
    }
    known = next;
    return unreadable;
  }

  function derive(source: Source, before: KnownSource | undefined): KnownSource {
    return {
      ...source,
      workspaces: source.workspaces ? new Set(source.workspaces) : undefined,
      addresses: source.cidrs ? createAllowList(source.cidrs) : undefined,
      isSigned: source.rules.hmac !== undefined || source.rules.standard_webhooks === true,
      publicKeys: source.secrets
        .filter(({ kind }) => kind === 'v1a')
        .map(({ id, value }) => ({ id, key: ed25519PublicKey(value) })),
      bytes: unchanged(before, source, 'max_bytes')
        ? before!.bytes
        : createByteBudget(source.max_bytes ?? shareBytes, budget),
      mayCome: unchanged(before, source, 'max_rate')
        ? before!.mayCome
        : source.max_rate === null
          ? undefined
          : createRateLimit(source.max_rate),
    };
  }

  return {
    find: (name) => known.get(name),
    all: () => known.values(),
    isUnreadable: (name) => unreadable.has(name),
    replace,
  };
}

function unchanged(
  before: KnownSource | undefined,
  source: Source,
  limit: 'max_bytes' | 'max_rate',
): boolean {
  return before !== undefined && before[limit] === source[limit];
}

// The fixed head of an ed25519 key in SubjectPublicKeyInfo form (RFC 8410).
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

function ed25519PublicKey(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, raw]), format: 'der', type: 'spki' });
}
