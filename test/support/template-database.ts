import pg from 'pg';
import { migrateLog } from '../../src/log/migrate-log.js';
import { migrateReadModels } from '../../src/read-models/migrate-read-models.js';

const TEMPLATE = 'hookfold_template';
const LOCK = 4_810_233;

/** The role that owns the test databases: not a superuser, so that no test passes by a superuser's rights. */
export const OWNER = { name: 'hookfold_owner', password: 'hookfold_owner' };

let made: Promise<string> | undefined;

/** The name of a migrated database to clone, made by the first test process of a run; the others wait for it. */
export function ensureTemplate(serverUrl: string): Promise<string> {
  made ??= make(serverUrl);
  return made;
}

async function make(serverUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [TEMPLATE]);
    if (found.rowCount === 0) await migrateTemplate(client, serverUrl);
    return TEMPLATE;
  } finally {
    await client.end();
  }
}

// Made under another name first, so that a migration that fails leaves no half of a template.
async function migrateTemplate(client: pg.Client, serverUrl: string): Promise<void> {
  const unfinished = `${TEMPLATE}_unfinished`;
  await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
  const role = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [OWNER.name]);
  if (role.rowCount === 0)
    await client.query(`CREATE ROLE ${OWNER.name} LOGIN CREATEROLE PASSWORD '${OWNER.password}'`);
  await client.query(`CREATE DATABASE ${unfinished} OWNER ${OWNER.name}`);
  const url = new URL(serverUrl);
  Object.assign(url, { pathname: `/${unfinished}`, username: OWNER.name, password: OWNER.password });
  await migrateLog(url.href);
  await migrateReadModels(url.href);
  await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${TEMPLATE}`);
}
