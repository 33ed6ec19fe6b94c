// Making, rotating, revoking and listing sources. Running doors notice within a second or two.
import type pg from 'pg';
import { sqlState } from '../postgres/failure.js';
import { inTransaction } from '../postgres/transaction.js';
import {
  type HmacRule,
  missingSource,
  type SecretKind,
  type SourceRules,
  type SourceSettings,
} from './source.js';
import { boundColumns, type SourceBounds } from './source-bounds.js';
import { createSecret, insertSecret, type NewSecret } from './source-secret.js';

/** GitHub's form of a signature. */
export const GITHUB_HMAC: HmacRule = { header: 'x-hub-signature-256', encoding: 'hex', prefix: 'sha256=' };

/** What is left out does not bound it. */
export interface SourceOptions extends Partial<SourceBounds> {
  /** Default: a token. */
  rules?: SourceRules;
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
  const { rules = { token: true }, secret, ...bounds } = options;
  const secrets = makeSecrets(rules, secret);
  await inTransaction(pool, async (client) => {
    await insertSource(client, name, rules, bounds);
    for (const made of secrets) await insertSecret(client, name, made);
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
    if (!found.rows[0]) throw missingSource(name);
    await assertKindStays(client, name, given);
    const made = makeSecrets(found.rows[0].rules, given);
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
  if (rowCount === 0) throw missingSource(name);
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
  bounds: Partial<SourceBounds>,
): Promise<void> {
  const columns = [
    { column: 'name', value: name },
    { column: 'rules', value: JSON.stringify(rules) },
    ...boundColumns(bounds),
  ];
  const names = columns.map(({ column }) => column).join(', ');
  const places = columns.map((_, index) => `$${index + 1}`).join(', ');
  try {
    await client.query(
      `INSERT INTO source (${names}) VALUES (${places})`,
      columns.map(({ value }) => value),
    );
  } catch (error) {
    throw explain(error, name);
  }
}

// A key that only the sender can make must not give way to a secret that it does not know of, nor be taken for one.
async function assertKindStays(client: pg.ClientBase, name: string, given = ''): Promise<void> {
  const last = await client.query(
    `SELECT kind FROM source_secret WHERE source = $1 AND kind IN ('v1', 'v1a') ORDER BY id DESC LIMIT 1`,
    [name],
  );
  if (last.rows[0]?.kind === 'v1a' && !/^wh(pk|sec)_/.test(given))
    throw new Error('name the new public key, whpk_…, with --secret-file: this source is known by one');
}

function makeSecrets(rules: SourceRules, given: string | undefined): NewSecret[] {
  const kinds = kindsOf(rules, given);
  if (given !== undefined && kinds.every((kind) => kind === 'token'))
    throw new Error(
      'a secret was given that nothing asks for: it goes with --header, --hmac or --standard-webhooks; a token is made here',
    );
  return kinds.map((kind) => createSecret(kind, kind === 'token' ? undefined : given));
}

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
