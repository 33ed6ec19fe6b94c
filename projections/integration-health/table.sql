-- Rows change with every event of the integration: free room in each page keeps those updates off the index.
CREATE TABLE :table (
  integration_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  status_since timestamptz(3) NOT NULL,
  last_error json,
  failure_count bigint NOT NULL,
  incident_count bigint NOT NULL,
  open_incident json,
  open_incident_failures bigint NOT NULL,
  incidents json NOT NULL,
  downtime_ms bigint NOT NULL,
  last_data_at timestamptz(3),
  workspace_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (integration_id)
) WITH (fillfactor = 70);

-- integrations of one status, in all workspaces or in one, page by page
CREATE INDEX ON :table (status, workspace_id, integration_id);
