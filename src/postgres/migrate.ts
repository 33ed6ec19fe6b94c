// Numbered, forward-only SQL files, each run once, all in one transaction. Two processes at once: the second waits
// for the advisory lock, and then finds every file recorded.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { stopClocks } from './connect.js';
import { packageRoot } from './package-root.js';

/** A set of migrations: a folder of `NNNN-name.sql` files under the package root, and the set's own name. */
export interface MigrationSet {
  name: string;
  folder: string;
}

const LOCK = 7_203_441_986;

/**
 * Brings the database at `url` up to the newest migration of the set. Repeatable, safe from many processes at
 * once, all or nothing. Answers the names of the files that were run.
 */
export async function migrate(url: string, set: MigrationSet): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // What was under way rejects; an event that nobody listens to ends the process.
  await client.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    await client.query(stopClocks('transaction'));
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const run = await runMissing(client, set);
    await client.query('COMMIT');
    return run;
  } finally {
    await client.end();
  }
}

async function runMissing(client: pg.Client, set: MigrationSet): Promise<string[]> {
  await client.query(
    `CREATE TABLE IF NOT EXISTS public.hookfold_migration (
       migration_set text, name text, run_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (migration_set, name))`,
  );
  const known = await client.query('SELECT name FROM public.hookfold_migration WHERE migration_set = $1', [
    set.name,
  ]);
  const done = new Set(known.rows.map((row) => row.name));
  const folder = join(packageRoot(), set.folder);
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  const missing = files.filter((file) => !done.has(file)).sort();
  assertKnown(set, [...done], files);
  for (const file of missing) {
    await client.query(readFileSync(join(folder, file), 'utf8'));
    await client.query('INSERT INTO public.hookfold_migration VALUES ($1, $2)', [set.name, file]);
  }
  return missing;
}

function assertKnown(set: MigrationSet, done: string[], files: string[]): void {
  const ahead = done.filter((name) => !files.includes(name));
  if (ahead.length > 0)
    throw new Error(
      `this database has migrations of a newer hookfold (${set.name}: ${ahead.join(', ')}). ` +
        'Run that version, or restore a backup from before it.',
    );
}
