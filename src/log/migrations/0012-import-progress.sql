-- How far a file was imported. Written in the transaction that appends its lines, so that an import that was
-- interrupted goes on behind its last line. A file is known by its content: the digest of its first `bytes` bytes;
-- so one that has grown since goes on as well, and another of the same name does not.
CREATE TABLE import_progress (
  id bigint GENERATED ALWAYS AS IDENTITY,
  source text COLLATE "C" NOT NULL,
  bytes bigint NOT NULL,
  lines bigint NOT NULL,
  digest bytea NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT import_progress_pkey PRIMARY KEY (id)
);
