import { migrateLeases } from '../postgres/lease.js';
import { migrate } from '../postgres/migrate.js';

/** Brings the log's database up to date, leases included; see `migrate`. */
export async function migrateLog(databaseUrl: string): Promise<string[]> {
  const leases = await migrateLeases(databaseUrl);
  return [...leases, ...(await migrate(databaseUrl, { name: 'log', folder: 'src/log/migrations' }))];
}
