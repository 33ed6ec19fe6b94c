-- Who may send. rules says how a request proves to come from the source:
-- {"token": true, "header": "x-secret", "hmac": {"header", "encoding", "prefix"}, "standard_webhooks": true,
--  "unverified": true}, all that are named must hold.
CREATE TABLE source (
  name text COLLATE "C" NOT NULL CONSTRAINT source_name CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._~-]{0,62}$'),
  -- null: of any workspace
  workspaces text[] COLLATE "C",
  rules jsonb NOT NULL,
  -- addresses it may send from; null: any
  cidrs text[] COLLATE "C",
  -- how many proxies of ours stand before the door, each adding to X-Forwarded-For
  proxy_depth integer NOT NULL DEFAULT 0 CONSTRAINT source_proxy_depth CHECK (proxy_depth >= 0),
  -- events a second and body bytes in flight that one process takes of it; null: no limit, the process's own
  max_rate integer CONSTRAINT source_max_rate CHECK (max_rate > 0),
  max_bytes bigint CONSTRAINT source_max_bytes CHECK (max_bytes > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  CONSTRAINT source_pkey PRIMARY KEY (name)
);

-- What a source proves itself with; several at once while one is replaced by the next. Tokens and header secrets
-- are kept as their SHA-256. Keys that signatures are checked with must be known to check them, so they are kept.
CREATE TABLE source_secret (
  id bigint GENERATED ALWAYS AS IDENTITY,
  source text COLLATE "C" NOT NULL,
  kind text NOT NULL CONSTRAINT source_secret_kind CHECK (kind IN ('token', 'header', 'hmac', 'v1', 'v1a')),
  hash bytea CONSTRAINT source_secret_hash_length CHECK (octet_length(hash) = 32),
  key bytea CONSTRAINT source_secret_key_length CHECK (octet_length(key) > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  CONSTRAINT source_secret_pkey PRIMARY KEY (id),
  CONSTRAINT source_secret_source FOREIGN KEY (source) REFERENCES source (name),
  CONSTRAINT source_secret_form CHECK ((kind IN ('token', 'header')) = (hash IS NOT NULL) AND (hash IS NULL) <> (key IS NULL))
);
