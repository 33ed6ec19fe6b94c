-- Requests of a known source that are no event, kept so that none is lost. body is what came, or its first part
-- where it was too large; body_length says how much came.
CREATE TABLE rejected_webhook (
  id bigint GENERATED ALWAYS AS IDENTITY,
  rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  source text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  detail text NOT NULL,
  delivery_id text COLLATE "C",
  headers json NOT NULL,
  body bytea NOT NULL,
  body_length bigint NOT NULL,
  -- what became of it on its release: the event that it is in the log
  released_at timestamptz,
  released_position bigint,
  CONSTRAINT rejected_webhook_pkey PRIMARY KEY (id),
  CONSTRAINT rejected_webhook_released CHECK ((released_at IS NULL) = (released_position IS NULL))
);
-- pruning by age
CREATE INDEX rejected_webhook_at ON rejected_webhook (rejected_at);
