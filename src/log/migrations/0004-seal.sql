-- One row a commit: the chain that makes a change of the past visible. hash = sha256(hash before ‖ digests in
-- order); before the first seal stand 32 zero bytes. docs/seals.md is the exact form.
CREATE TABLE seal (
  last_position bigint PRIMARY KEY,
  count integer NOT NULL,
  hash bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT make_immutable('seal');

-- The head is the last seal. Nothing is updated in place, so a transaction that stays open for hours leaves no
-- trail of dead row versions for every append to walk over.
CREATE VIEW log_head AS
SELECT
  coalesce((SELECT last_position FROM seal ORDER BY last_position DESC LIMIT 1), 0) AS position,
  coalesce((SELECT hash FROM seal ORDER BY last_position DESC LIMIT 1), decode(repeat('00', 32), 'hex')) AS seal;

CREATE FUNCTION event_digest(event_id uuid, received_at timestamptz, source text, headers bytea, body bytea)
RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(
    uuid_send(event_id) || timestamptz_send(received_at)
    || int4send(octet_length(source)) || convert_to(source, 'UTF8')
    || int4send(octet_length(headers)) || headers || body)
$$;
