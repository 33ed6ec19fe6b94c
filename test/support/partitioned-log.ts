// A log of small partitions, so that events can go missing.
import type { Test } from 'tap';
import { createTestDatabase } from './test-database.js';

/** Events of a partition. */
export const SIZE = 100;

/** A log in partitions of `SIZE` events, which can be taken away and given back by their first position. */
export async function createPartitionedLog(t: Pick<Test, 'teardown'>) {
  const database = await createTestDatabase(t);
  const { pool } = database;
  await pool.query(`UPDATE log_setting SET partition_size = ${SIZE}`);
  await pool.query('DROP TABLE event_log_1; DELETE FROM event_log_partition');
  await pool.query('SELECT ensure_event_log_partitions(1)');
  const detach = (first: number) => pool.query(`ALTER TABLE event_log DETACH PARTITION event_log_${first}`);
  const attach = (first: number) =>
    pool.query(
      `ALTER TABLE event_log ATTACH PARTITION event_log_${first} FOR VALUES FROM (${first}) TO (${first + SIZE})`,
    );
  return { database, detach, attach };
}
