CREATE TABLE :table (
  workspace_id text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  integration_ids text[] COLLATE "C" NOT NULL,
  collision boolean NOT NULL,
  first_installed_at timestamptz(3) NOT NULL,
  PRIMARY KEY (workspace_id, state)
);

-- a state without its workspace
CREATE INDEX ON :table (state, workspace_id);
