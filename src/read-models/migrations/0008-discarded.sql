-- Parked events that somebody gave up: no table of that version has them, neither the live one nor what a rebuild makes, and
-- verification knows. event_id: of another log's event at that position nothing was decided.
CREATE TABLE projector.discarded (
  projection text NOT NULL,
  version integer NOT NULL,
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  event text NOT NULL,
  reason text NOT NULL,
  discarded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT discarded_pkey PRIMARY KEY (projection, version, position)
);
