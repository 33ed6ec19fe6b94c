import { migrateLeases } from '../postgres/lease.js';
import { migrate } from '../postgres/migrate.js';

/** Brings the read models' database up to date, leases included; see `migrate`. */
export async function migrateReadModels(readDatabaseUrl: string): Promise<string[]> {
  const leases = await migrateLeases(readDatabaseUrl);
  const models = await migrate(readDatabaseUrl, {
    name: 'read-models',
    folder: 'src/read-models/migrations',
  });
  return [...leases, ...models];
}
