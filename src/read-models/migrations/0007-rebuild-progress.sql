-- How far a rebuild is that a process is at work on: its checkpoints move only when rows are written. Told every second
-- or so, and gone when it ends; what a killed one leaves goes with its build.
CREATE TABLE projector.rebuild_progress (
  build_id bigint CONSTRAINT rebuild_progress_pkey PRIMARY KEY REFERENCES projector.build ON DELETE CASCADE,
  position bigint NOT NULL,
  -- null where it is not known yet
  events_per_second bigint,
  told_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
