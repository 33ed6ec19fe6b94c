import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { SecretKind } from './source.js';

/** A secret as the sender is given it, and as it is kept. */
export interface NewSecret {
  kind: SecretKind;
  /** What the sender uses; null where only the sender knows it (a public key was given to us). */
  shown: string | null;
  hash: Buffer | null;
  key: Buffer | null;
}

/** SHA-256 of a token or header secret: the form in which it is kept and compared. */
export function hashSecret(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * A secret of a kind: `given`, or a new one of 256 random bits. Standard Webhooks secrets are written `whsec_…`
 * (v1) and `whpk_…` (v1a, a public key, which cannot be made here). Throws what is wrong with a given one.
 */
export function createSecret(kind: SecretKind, given?: string): NewSecret {
  if (kind === 'v1') return symmetricKey(given ?? `whsec_${randomBytes(32).toString('base64')}`);
  if (kind === 'v1a') return publicKey(given);
  const shown = given ?? randomBytes(32).toString('base64url');
  if (shown.length < 16)
    throw new Error(`a secret needs 16 characters or more; this one has ${shown.length}`);
  const hashed = kind === 'token' || kind === 'header';
  return { kind, shown, hash: hashed ? hashSecret(shown) : null, key: hashed ? null : Buffer.from(shown) };
}

function symmetricKey(text: string): NewSecret {
  const key = decode(text.replace(/^whsec_/, ''));
  if (key === undefined || key.length < 16)
    throw new Error('a Standard Webhooks secret is whsec_ and the base64 of 24 to 64 bytes');
  return { kind: 'v1', shown: text, hash: null, key };
}

function publicKey(text = ''): NewSecret {
  const key = decode(text.replace(/^whpk_/, ''));
  if (key?.length !== 32)
    throw new Error(
      'a Standard Webhooks v1a key is whpk_ and the base64 of the 32 bytes of an ed25519 public key',
    );
  return { kind: 'v1a', shown: null, hash: null, key };
}

function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  const unpadded = (base64: string) => base64.replace(/=+$/, '');
  return unpadded(bytes.toString('base64')) === unpadded(text) ? bytes : undefined;
}

/** Keeps a secret for a source. */
export async function insertSecret(db: pg.ClientBase, source: string, secret: NewSecret): Promise<void> {
  await db.query('INSERT INTO source_secret (source, kind, hash, key) VALUES ($1, $2, $3, $4)', [
    source,
    secret.kind,
    secret.hash,
    secret.key,
  ]);
}

/** True while `token` lets its bearer in as `source`. */
export async function isTokenInUse(db: pg.Pool, source: string, token: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `SELECT FROM source_secret x JOIN source s ON s.name = x.source
     WHERE s.name = $1 AND s.revoked_at IS NULL AND x.kind = 'token' AND x.hash = $2
       AND (x.expires_at IS NULL OR x.expires_at > now())`,
    [source, hashSecret(token)],
  );
  return rowCount !== 0;
}
