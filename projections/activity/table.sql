CREATE TABLE :table (
  workspace_id text COLLATE "C",
  event text COLLATE "C" NOT NULL,
  hour timestamptz(3) NOT NULL,
  count bigint NOT NULL,
  UNIQUE NULLS NOT DISTINCT (workspace_id, event, hour)
) WITH (fillfactor = 70);

-- what a workspace had in a span of hours
CREATE INDEX ON :table (workspace_id, hour);
