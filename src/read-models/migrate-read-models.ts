import { migrate } from '../postgres/migrate.js';

/** Brings the read models' database up to date; see `migrate`. */
export function migrateReadModels(readDatabaseUrl: string): Promise<string[]> {
  return migrate(readDatabaseUrl, { name: 'read-models', folder: 'src/read-models/migrations' });
}
