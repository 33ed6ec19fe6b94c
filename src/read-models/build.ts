// Builds: the tables of a projection's versions, and the views that show them.
import { readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type { Projection } from '../../projections/contract.js';
import { packageRoot } from '../postgres/package-root.js';

type Client = pg.ClientBase;

export type BuildState = 'building' | 'live' | 'retired';

export interface Build {
  build_id: number;
  projection: string;
  version: number;
  /** Name without its schema, `read_model`. */
  table_name: string;
  state: BuildState;
  segments: number;
  /** Which code folds it while it is building; null where that is not known. */
  code: string | null;
}

const BUILD_COLUMNS = 'build_id, projection, version, table_name, state, segments, code';

/** The build's table, schema-qualified. */
export const tableOf = (build: Build) => `read_model."${build.table_name}"`;

/**
 * The build of a version in a state, if there is one: live and building are unique; of several that are retired the one
 * that was so last, whichever was built last.
 */
export async function findBuild(
  db: Client | pg.Pool,
  projection: Pick<Projection, 'name' | 'version'>,
  state: BuildState,
): Promise<Build | undefined> {
  const { rows } = await db.query(
    `SELECT ${BUILD_COLUMNS} FROM projector.build
     WHERE projection = $1 AND version = $2 AND state = $3 ORDER BY changed_at DESC, build_id DESC LIMIT 1`,
    [projection.name, projection.version, state],
  );
  return rows[0];
}

/** The build that the view of the plain name shows, if there is one. */
export async function findServed(
  db: Client | pg.Pool,
  name: string,
): Promise<(Build & { pinned: boolean }) | undefined> {
  const { rows } = await db.query(
    `SELECT ${BUILD_COLUMNS.replaceAll(/\w+/g, 'b.$&')}, s.pinned
     FROM projector.served s JOIN projector.build b USING (build_id) WHERE s.projection = $1`,
    [name],
  );
  return rows[0];
}

/**
 * The build that is served, held to the end of the caller's transaction: nobody else swaps or takes back meanwhile.
 * Undefined where none is, and nothing is held then.
 */
export async function lockServed(client: Client, name: string): ReturnType<typeof findServed> {
  // Two statements: who has waited for the lock must not answer what was served before.
  await client.query('SELECT 1 FROM projector.served WHERE projection = $1 FOR UPDATE', [name]);
  return findServed(client, name);
}

/** A new build with its empty table, without secondary indexes, its segments at position 0. */
export async function createBuild(
  client: Client,
  projection: Projection,
  { segments = 1, code = null }: { segments?: number; code?: string | null } = {},
): Promise<Build> {
  const { rows } = await client.query(
    `WITH id AS (SELECT nextval(pg_get_serial_sequence('projector.build', 'build_id')) AS id)
     INSERT INTO projector.build (build_id, projection, version, table_name, state, segments, internal_columns, code)
     OVERRIDING SYSTEM VALUE
     SELECT id, $1::text, $2::int, $1::text || '_v' || $2::int || '_' || id, 'building', $3, $4, $5
     FROM id RETURNING ${BUILD_COLUMNS}`,
    [projection.name, projection.version, segments, projection.internal, code],
  );
  const build: Build = rows[0];
  await client.query(
    'INSERT INTO projector.checkpoint (build_id, segment, position) SELECT $1, generate_series(0, $2 - 1), 0',
    [build.build_id, segments],
  );
  await client.query(tableStatements(projection, build).table);
  await compressByLz4(client, build);
  return build;
}

// What is over 2 kB is compressed in every row that is written; where lz4 was compiled in it costs a fraction of pglz.
async function compressByLz4(client: Client, build: Build): Promise<void> {
  const { rows } = await client.query(
    `SELECT string_agg(format('ALTER COLUMN %I SET COMPRESSION lz4', attname), ', ') AS actions
     FROM pg_attribute JOIN pg_settings s ON s.name = 'default_toast_compression' AND 'lz4' = ANY (s.enumvals)
     WHERE attrelid = $1::regclass AND attnum > 0 AND attstorage IN ('x', 'm') AND attcompression = ''`,
    [tableOf(build)],
  );
  if (rows[0].actions) await client.query(`ALTER TABLE ${tableOf(build)} ${rows[0].actions}`);
}

/** The build's secondary indexes; after the load, so that the load does not maintain them. */
export async function createIndexes(client: Client, projection: Projection, build: Build): Promise<void> {
  for (const statement of tableStatements(projection, build).indexes) await client.query(statement);
}

function tableStatements(projection: Projection, build: Build): { table: string; indexes: string[] } {
  const sql = readFileSync(join(sourceFolder(projection.folder), 'table.sql'), 'utf8');
  const statements = sql
    .replaceAll(/^\s*--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim().replaceAll(':table', tableOf(build)))
    .filter((statement) => statement !== '');
  return { table: statements[0]!, indexes: statements.slice(1) };
}

// The compiled projection lies under dist/<digest>/projections, its table.sql beside the source.
function sourceFolder(folder: URL): string {
  const path = fileURLToPath(folder);
  const at = path.lastIndexOf(`${sep}projections${sep}`);
  return path.includes(`${sep}dist${sep}`) && at >= 0 ? join(packageRoot(), path.slice(at)) : path;
}

/** Sets a build's state. */
export async function setState(client: Client, build: Build, state: BuildState): Promise<void> {
  // Not now(): a transaction that waited for what is served began before the one that it waited for ended.
  await client.query(
    'UPDATE projector.build SET state = $2, changed_at = clock_timestamp() WHERE build_id = $1',
    [build.build_id, state],
  );
}

/**
 * Points the version's view, and the plain one where `plain`, at a live build. In the caller's transaction: readers
 * see the old rows until its commit, and the new ones from then on. The version's view is the query role's own and
 * has the internal columns too; the plain one has those that are shown. The code of the build's version is not
 * needed: the table tells its columns. A version that was pinned stays so until a higher one is shown.
 */
export async function showBuild(client: Client, build: Build, plain: boolean): Promise<void> {
  const { rows } = await client.query<{ name: string; shown: boolean }>(
    `SELECT a.attname AS name, a.attname <> ALL (b.internal_columns) AS shown
     FROM projector.build b JOIN pg_attribute a ON a.attrelid = $2::regclass
     WHERE b.build_id = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [build.build_id, tableOf(build)],
  );
  await replaceView(client, `${build.projection}_v${build.version}`, rows, build);
  if (!plain) return;
  await replaceView(
    client,
    build.projection,
    rows.filter(({ shown }) => shown),
    build,
  );
  await client.query(
    `INSERT INTO projector.served AS served (projection, build_id) VALUES ($1, $2)
     ON CONFLICT (projection) DO UPDATE SET build_id = EXCLUDED.build_id, pinned = served.pinned
       AND (SELECT b.version FROM projector.build b WHERE b.build_id = served.build_id) >= $3`,
    [build.projection, build.build_id, build.version],
  );
}

// CREATE OR REPLACE keeps the view's identity and grants; it can't take columns away, which another version may: then
// the view is made anew, and granted to those who had it.
async function replaceView(
  client: Client,
  view: string,
  columns: readonly { name: string }[],
  build: Build,
): Promise<void> {
  const names = columns.map(({ name }) => `"${name}"`);
  const select = `SELECT ${names.join(', ')} FROM ${tableOf(build)}`;
  await client.query('SAVEPOINT replace_view');
  try {
    await client.query(`CREATE OR REPLACE VIEW read_model."${view}" AS ${select}`);
  } catch (error) {
    if ((error as { code?: string }).code !== '42P16') throw error;
    await client.query('ROLLBACK TO SAVEPOINT replace_view');
    const grants = await readGrants(client, view);
    await client.query(`DROP VIEW read_model."${view}"; CREATE VIEW read_model."${view}" AS ${select}`);
    for (const grant of grants) await client.query(grant);
  }
}

async function readGrants(client: Client, view: string): Promise<string[]> {
  const { rows } = await client.query<{ grant: string }>(
    `SELECT format('GRANT %s ON %s TO %s', a.privilege_type, c.oid::regclass,
       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) AS grant
     FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
     WHERE c.oid = $1::regclass AND a.grantee <> c.relowner`,
    [`read_model."${view}"`],
  );
  return rows.map(({ grant }) => grant);
}
