import { migrate } from '../postgres/migrate.js';

/** Brings the log's database up to date; see `migrate`. */
export function migrateLog(databaseUrl: string): Promise<string[]> {
  return migrate(databaseUrl, { name: 'log', folder: 'src/log/migrations' });
}
