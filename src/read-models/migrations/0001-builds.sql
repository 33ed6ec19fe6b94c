-- Read models: views of plain names in read_model, over the tables of builds. What the machine keeps about them is
-- in projector.
CREATE SCHEMA IF NOT EXISTS read_model;
CREATE SCHEMA IF NOT EXISTS projector;

-- One table filled by one version of a projection's code, from position 1.
--   building → live → retired → (dropped)        building → discarded
--                 ◀── rollback ──
CREATE TABLE projector.build (
  build_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  projection text NOT NULL,
  version integer NOT NULL,
  table_name text NOT NULL CONSTRAINT build_table_name_key UNIQUE,
  state text NOT NULL CONSTRAINT build_state CHECK (state IN ('building', 'live', 'retired', 'discarded')),
  -- columns of the table that the view of the plain name leaves out
  internal_columns text[] NOT NULL,
  segments integer NOT NULL DEFAULT 1 CONSTRAINT build_segments CHECK (segments > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now()
);
-- the rows of a version are served from one table
CREATE UNIQUE INDEX build_one_live ON projector.build (projection, version) WHERE state = 'live';
-- one rebuild of a version at a time
CREATE UNIQUE INDEX build_one_building ON projector.build (projection, version) WHERE state = 'building';

-- Which build the view of the plain name shows. pinned: taken back by hand, so no rebuild by itself.
CREATE TABLE projector.served (
  projection text PRIMARY KEY,
  build_id bigint NOT NULL REFERENCES projector.build,
  pinned boolean NOT NULL DEFAULT false
);

-- How far a segment of a build is. It changes in the transaction of the rows, by compare-and-set on position and
-- revision; whoever touches a build's rows in another way (retry, swap, resegment) raises the revision.
CREATE TABLE projector.checkpoint (
  build_id bigint NOT NULL REFERENCES projector.build ON DELETE CASCADE,
  segment integer NOT NULL,
  position bigint NOT NULL,
  revision bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT checkpoint_pkey PRIMARY KEY (build_id, segment)
) WITH (fillfactor = 50);

-- Known events that did not fit their schema, by build: a rebuild after the schema was widened has its own.
CREATE TABLE projector.unreadable (
  build_id bigint NOT NULL REFERENCES projector.build ON DELETE CASCADE,
  position bigint NOT NULL,
  event text NOT NULL,
  reason text NOT NULL,
  workspace_id text,
  CONSTRAINT unreadable_pkey PRIMARY KEY (build_id, position)
);

-- Events that could not be folded, and the later ones of their keys, until retried or discarded.
CREATE TABLE projector.parked (
  build_id bigint NOT NULL REFERENCES projector.build ON DELETE CASCADE,
  position bigint NOT NULL,
  key_id text NOT NULL,
  event text NOT NULL,
  reason text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT parked_pkey PRIMARY KEY (build_id, position)
);
