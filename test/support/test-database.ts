import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Test } from 'tap';
import { createPool } from '../../src/postgres/connect.js';
import { readTestServers } from './runner-file.js';
import { ensureTemplate, OWNER } from './template-database.js';

/** A database of its own for one test, migrated. */
export interface TestDatabase {
  name: string;
  /** As the owner of every table in it, who is no superuser. */
  url: string;
  /** As the cluster's superuser. */
  superuserUrl: string;
  /** Connections as the owner; ended with the test. */
  pool: pg.Pool;
}

/** Clones the migrated template; the clone is dropped with the test, whoever is still connected. */
export async function createTestDatabase(t: Pick<Test, 'teardown'>): Promise<TestDatabase> {
  const { postgresUrl } = readTestServers();
  const template = await ensureTemplate(postgresUrl);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asSuperuser(postgresUrl, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER ${OWNER.name}`);
  const url = urlOf(postgresUrl, name, OWNER);
  const pool = createPool(url);
  t.teardown(async () => {
    await pool.end();
    await asSuperuser(postgresUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  return { name, url, superuserUrl: urlOf(postgresUrl, name), pool };
}

async function asSuperuser(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(serverUrl: string, database: string, as?: { name: string; password: string }): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  if (as) {
    url.username = as.name;
    url.password = as.password;
  }
  return url.href;
}
