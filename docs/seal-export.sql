-- The log and its seals as lines of tab-separated fields, in order, and a last line that tells how many of both there are:
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -qf docs/seal-export.sql > log.tsv
-- All texts are hex of their bytes, so nothing in them can be mistaken for a tab, a line's end or an escape.
COPY (
  SELECT position, 'event' AS kind, event_id::text,
    CASE received_at WHEN 'infinity' THEN 9223372036854775807 WHEN '-infinity' THEN -9223372036854775808
      ELSE (extract(epoch FROM received_at) * 1000000)::bigint - 946684800000000 END::text AS microseconds_since_2000,
    encode(convert_to(source, 'UTF8'), 'hex') AS source,
    encode(convert_to(headers::text, 'UTF8'), 'hex') AS headers,
    encode(convert_to(body::text, 'UTF8'), 'hex') AS body,
    encode(digest, 'hex') AS digest
  FROM event_log
  UNION ALL
  SELECT last_position, 'seal', count::text, encode(hash, 'hex'), NULL, NULL, NULL, NULL FROM seal
  UNION ALL
  SELECT NULL, 'end', (SELECT count(*) FROM event_log)::text, (SELECT count(*) FROM seal)::text, NULL, NULL, NULL, NULL
  ORDER BY position NULLS LAST, kind
) TO STDOUT (NULL '');
