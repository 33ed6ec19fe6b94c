-- Rows change with every event of the integration: free room in each page keeps those updates off the indexes.
CREATE TABLE :table (
  integration_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  customer_id text COLLATE "C",
  connector_type text COLLATE "C",
  metadata json,
  state text COLLATE "C",
  installed boolean NOT NULL,
  install_count bigint NOT NULL,
  first_seen_at timestamptz(3) NOT NULL,
  installed_at timestamptz(3),
  last_event_at timestamptz(3) NOT NULL,
  first_position bigint NOT NULL,
  last_position bigint NOT NULL,
  PRIMARY KEY (integration_id)
) WITH (fillfactor = 70);

-- lists of a workspace, page by page
CREATE INDEX ON :table (workspace_id, integration_id);
-- the same, of one customer: few customers of different workspaces share a name
CREATE INDEX ON :table (customer_id, integration_id);
-- the same, of one connector within a workspace
CREATE INDEX ON :table (workspace_id, connector_type, integration_id);
