import type pg from 'pg';

// The resource model as one would write it in SQL: the last event of a key tells its row. It leaves out what a set
// cannot say: updates that came late (stale), the time of a first sight after swaps, the row before a resurrection.
const FOLD = `
  CREATE TABLE folded_in_sql AS
  SELECT DISTINCT ON (integration_id, resource_type, resource_id)
    integration_id, resource_type AS type, resource_id, workspace_id, customer_id,
    CASE event WHEN 'integration_deleted_data_model' THEN 'deleted' ELSE 'present' END AS status,
    CASE event WHEN 'integration_updated_data_model' THEN body -> 'payload' -> 'data' END AS data,
    count(*) FILTER (WHERE event = 'integration_updated_data_model') OVER w AS update_count,
    body -> 'payload' -> 'diff' AS last_diff,
    min(received_at) OVER w AS first_seen_at, received_at AS updated_at, position AS last_position
  FROM event_log
  WHERE event IN ('integration_new_data_model', 'integration_updated_data_model', 'integration_deleted_data_model')
  WINDOW w AS (PARTITION BY integration_id, resource_type, resource_id)
  ORDER BY integration_id, resource_type, resource_id, position DESC`;

/** Folds the resource model by one statement; answers its seconds. */
export async function foldInSql(pool: pg.Pool): Promise<number> {
  await pool.query('DROP TABLE IF EXISTS folded_in_sql');
  const started = performance.now();
  await pool.query(FOLD);
  return (performance.now() - started) / 1000;
}
