// Sources: who may send, and how a request proves it.
import type pg from 'pg';

/** A signature by HMAC-SHA256 over the raw body. */
export interface HmacRule {
  /** Name of the header that carries it, in lower case. */
  header: string;
  encoding: 'hex' | 'base64';
  /** What stands before the signature in the header. */
  prefix: string;
}

/** How a request proves to come from a source; all that are set must hold. */
export interface SourceRules {
  /** A token in the path, as Bearer, or as Basic password. */
  token?: true;
  /** Name of a header that carries a secret, in lower case. */
  header?: string;
  hmac?: HmacRule;
  /** https://www.standardwebhooks.com, v1 and v1a. */
  standard_webhooks?: true;
  /** Nothing is asked. */
  unverified?: true;
}

export type SecretKind = 'token' | 'header' | 'hmac' | 'v1' | 'v1a';

/** One secret that is valid now. */
export interface SourceSecret {
  id: string;
  kind: SecretKind;
  /** SHA-256 of a token or header secret; the key itself of the other kinds. */
  value: Buffer;
}

/** How a source was made: who may send, for whom, how much. */
export interface SourceSettings {
  name: string;
  /** Null: any. */
  workspaces: string[] | null;
  rules: SourceRules;
  /** Null: from anywhere. */
  cidrs: string[] | null;
  proxy_depth: number;
  max_rate: number | null;
  max_bytes: number | null;
}

/** A source that is not revoked, with what is needed to check its requests. */
export interface Source extends SourceSettings {
  secrets: SourceSecret[];
}

/** All that a door reads again and again, as one text, so that an unchanged answer is known as such. */
export interface SourceSnapshot {
  /** False on a standby, or where the database was made read only. */
  writable: boolean;
  text: string;
}

/** Reads the sources that are valid now. `parseSources` makes sense of the text. */
export async function readSources(db: pg.Pool | pg.ClientBase): Promise<SourceSnapshot> {
  const { rows } = await db.query(`
    SELECT current_setting('transaction_read_only') = 'off' AS writable, (
      SELECT coalesce(json_agg(json_build_object(
        'name', s.name, 'workspaces', s.workspaces, 'rules', s.rules, 'cidrs', s.cidrs,
        'proxy_depth', s.proxy_depth, 'max_rate', s.max_rate, 'max_bytes', s.max_bytes,
        'secrets', (
          SELECT coalesce(json_agg(json_build_object(
            'id', x.id::text, 'kind', x.kind, 'value', encode(coalesce(x.hash, x.key), 'base64')) ORDER BY x.id), '[]')
          FROM source_secret x
          WHERE x.source = s.name AND (x.expires_at IS NULL OR x.expires_at > now()))
      ) ORDER BY s.name), '[]')::text
      FROM source s WHERE s.revoked_at IS NULL
    ) AS text`);
  return rows[0]!;
}

/** The sources of a snapshot. */
export function parseSources(snapshot: SourceSnapshot): Source[] {
  const sources: Source[] = JSON.parse(snapshot.text);
  for (const source of sources)
    for (const secret of source.secrets)
      secret.value = Buffer.from(secret.value as unknown as string, 'base64');
  return sources;
}

/** Notes that these secrets were used now. */
export async function noteSecretsUsed(db: pg.Pool, ids: readonly string[]): Promise<void> {
  await db.query('UPDATE source_secret SET last_used_at = now() WHERE id = ANY($1::bigint[])', [ids]);
}

/** What a source may send for, revoked or not; undefined where none was made of this name (an import's, say). */
export async function readBinding(
  db: pg.Pool | pg.ClientBase,
  name: string,
): Promise<{ workspaces: string[] | null; revoked: boolean } | undefined> {
  const { rows } = await db.query(
    'SELECT workspaces, revoked_at IS NOT NULL AS revoked FROM source WHERE name = $1',
    [name],
  );
  return rows[0];
}

/** The error of one who names a source that is not there, or revoked. */
export function missingSource(name: string): Error {
  return new Error(`there is no source ${JSON.stringify(name)} in use. hookfold source list shows all.`);
}
