-- Rows change with every event of the integration: free room in each page keeps those updates off the index.
CREATE TABLE :table (
  integration_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  install_count bigint NOT NULL,
  completed_count bigint NOT NULL,
  first_completed_at timestamptz(3),
  last_completed_at timestamptz(3),
  last_duration_ms bigint,
  resources_new bigint NOT NULL,
  resources_updated bigint NOT NULL,
  resources_deleted bigint NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  last_installed_at timestamptz(3),
  awaits_import boolean NOT NULL,
  PRIMARY KEY (integration_id)
) WITH (fillfactor = 70);

-- imports of one status, in all workspaces or in one, page by page
CREATE INDEX ON :table (status, workspace_id, integration_id);
