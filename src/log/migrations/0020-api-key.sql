-- Who may ask the query API. A key has 256 random bits and is kept as its SHA-256 only.
CREATE TABLE api_key (
  name text COLLATE "C" NOT NULL,
  key_hash bytea NOT NULL CONSTRAINT api_key_hash_length CHECK (octet_length(key_hash) = 32),
  workspaces text[] COLLATE "C" NOT NULL,
  admin boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  last_used_at timestamptz,
  CONSTRAINT api_key_pkey PRIMARY KEY (key_hash)
);
-- a name is free again once its key is revoked
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;

-- The one thing that the query role may write: that a key was used.
CREATE FUNCTION note_api_key_use(used_hash bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE api_key SET last_used_at = now() WHERE key_hash = used_hash
$$;
