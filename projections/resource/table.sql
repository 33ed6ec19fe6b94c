CREATE TABLE :table (
  integration_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  resource_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C",
  status text COLLATE "C" NOT NULL,
  data json,
  update_count bigint NOT NULL,
  stale_count bigint NOT NULL,
  last_diff json,
  first_seen_at timestamptz(3) NOT NULL,
  updated_at timestamptz(3),
  deleted_at timestamptz(3),
  last_position bigint NOT NULL,
  applied_timestamp text COLLATE "C",
  PRIMARY KEY (integration_id, type, resource_id)
);

-- lists of a workspace, page by page
CREATE INDEX ON :table (workspace_id, integration_id, type, resource_id);
