// Making, rotating, revoking and listing sources. Running doors notice within a second or two.
import type pg from 'pg';
import { normaliseUuid, storableText } from '../../schemas/text.js';
import { sqlState } from '../postgres/failure.js';
import { inTransaction } from '../postgres/transaction.js';
import type { HmacRule, SecretKind, SourceRules, SourceSettings } from './source.js';
import { createSecret, insertSecret, type NewSecret } from './source-secret.js';

/** GitHub's form of a signature. */
export const GITHUB_HMAC: HmacRule = { header: 'x-hub-signature-256', encoding: 'hex', prefix: 'sha256=' };

export interface SourceOptions {
  /** The workspaces it may send for, in any spelling; none named: any. */
  workspaces?: readonly string[];
  /** Default: a token. */
  rules?: SourceRules;
  cidrs?: readonly string[];
  proxyDepth?: number;
  maxRate?: number;
  maxBytes?: number;
  /** A secret that was agreed on with the sender, for the one rule beside the token; default: a new one. */
  secret?: string;
}

/** What the sender is to be told; shown here and nowhere again. */
export interface SourceCredentials {
  source: string;
  token: string | null;
  /** The secret of a header or a signature, where the source has one. */
  secret: string | null;
}

/** Where a source stands; never its secrets. */
export interface SourceListing extends SourceSettings {
  created_at: string;
  revoked_at: string | null;
  /** To a few seconds. */
  last_used_at: string | null;
  secrets: { kind: SecretKind; created_at: string; expires_at: string | null; last_used_at: string | null }[];
}

/** Makes a source. Throws where the name is taken or an option cannot be used. */
export async function addSource(
  pool: pg.Pool,
  name: string,
  options: SourceOptions = {},
): Promise<SourceCredentials> {
  const rules = options.rules ?? { token: true };
  const secrets = kindsOf(rules, options.secret).map((kind) =>
    createSecret(kind, kind === 'token' ? undefined : options.secret),
  );
  await inTransaction(pool, async (client) => {
    await insertSource(client, name, rules, options);
    for (const secret of secrets) await insertSecret(client, name, secret);
  });
  return shown(name, secrets);
}

/**
 * Gives a source a new token, and a new secret where it has one; the old ones hold for `overlapSeconds` more. Throws
 * where there is no such source.
 */
export async function rotateSource(
  pool: pg.Pool,
  name: string,
  { overlapSeconds, secret: given }: { overlapSeconds: number; secret?: string },
): Promise<SourceCredentials> {
  const secrets = await inTransaction(pool, async (client) => {
    const found = await client.query<{ rules: SourceRules }>(
      'SELECT rules FROM source WHERE name = $1 AND revoked_at IS NULL FOR UPDATE',
      [name],
    );
    if (!found.rows[0]) throw missing(name);
    const made = kindsOf(found.rows[0].rules, given).map((kind) =>
      createSecret(kind, kind === 'token' ? undefined : given),
    );
    await client.query(
      `UPDATE source_secret SET expires_at = now() + make_interval(secs => $2)
       WHERE source = $1 AND (expires_at IS NULL OR expires_at > now() + make_interval(secs => $2))`,
      [name, overlapSeconds],
    );
    for (const secret of made) await insertSecret(client, name, secret);
    return made;
  });
  return shown(name, secrets);
}

/** Ends a source: all its secrets stop to hold. Throws where there is no such source. */
export async function revokeSource(pool: pg.Pool, name: string): Promise<void> {
  const { rowCount } = await pool.query(
    'UPDATE source SET revoked_at = now() WHERE name = $1 AND revoked_at IS NULL',
    [name],
  );
  if (rowCount === 0) throw missing(name);
}

/** All sources, revoked ones too, oldest first. */
export async function listSources(pool: pg.Pool): Promise<SourceListing[]> {
  const { rows } = await pool.query(`
    SELECT s.name, s.workspaces, s.rules, s.cidrs, s.proxy_depth, s.max_rate, s.max_bytes, s.created_at, s.revoked_at,
      (SELECT max(x.last_used_at) FROM source_secret x WHERE x.source = s.name) AS last_used_at,
      (SELECT coalesce(json_agg(json_build_object('kind', x.kind, 'created_at', x.created_at,
         'expires_at', x.expires_at, 'last_used_at', x.last_used_at) ORDER BY x.id), '[]')
       FROM source_secret x WHERE x.source = s.name) AS secrets
    FROM source s ORDER BY s.created_at, s.name`);
  return rows;
}

async function insertSource(
  client: pg.ClientBase,
  name: string,
  rules: SourceRules,
  { workspaces = [], cidrs = [], proxyDepth = 0, maxRate = null, maxBytes = null }: Nullable<SourceOptions>,
): Promise<void> {
  const ids = workspaces.map((id) => storableText(normaliseUuid(id)));
  try {
    await client.query(
      `INSERT INTO source (name, workspaces, rules, cidrs, proxy_depth, max_rate, max_bytes)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        name,
        ids.length > 0 ? [...new Set(ids)] : null,
        JSON.stringify(rules),
        cidrs.length > 0 ? cidrs : null,
        proxyDepth,
        maxRate,
        maxBytes,
      ],
    );
  } catch (error) {
    throw explain(error, name);
  }
}

type Nullable<T> = { [Key in keyof T]: Key extends 'maxRate' | 'maxBytes' ? T[Key] | null : T[Key] };

function kindsOf(rules: SourceRules, secret: string | undefined): SecretKind[] {
  const kinds: SecretKind[] = [];
  if (rules.token) kinds.push('token');
  if (rules.header) kinds.push('header');
  if (rules.hmac) kinds.push('hmac');
  if (rules.standard_webhooks) kinds.push(secret?.startsWith('whpk_') ? 'v1a' : 'v1');
  return kinds;
}

function shown(source: string, secrets: readonly NewSecret[]): SourceCredentials {
  const token = secrets.find(({ kind }) => kind === 'token')?.shown ?? null;
  const secret = secrets.find(({ kind }) => kind !== 'token')?.shown ?? null;
  return { source, token, secret };
}

function missing(name: string): Error {
  return new Error(`there is no source ${JSON.stringify(name)} in use. hookfold source list shows all.`);
}

function explain(error: unknown, name: string): unknown {
  if (sqlState(error) === '23505')
    return new Error(`a source ${JSON.stringify(name)} exists, in use or revoked. Choose another name.`, {
      cause: error,
    });
  if (sqlState(error) === '23514' && (error as { constraint?: string }).constraint === 'source_name')
    return new Error(
      `a source's name is 1 to 63 letters, digits, dots, underscores, tildes or dashes; not ${JSON.stringify(name)}`,
      { cause: error },
    );
  return error;
}
