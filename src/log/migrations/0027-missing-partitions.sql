-- The positions of partitions that are not part of the log at present (detached, or dropped), in order. Whoever lists
-- events, or reads those of a key, cannot tell by what was read that some are missing. It takes the place of
-- first_missing (0026), which could not be asked about a part of the log. It runs with its owner's rights, since readers
-- of the log are not given the list of partitions; what it tells is no secret.
DROP FUNCTION first_missing(bigint);
CREATE FUNCTION missing_partitions() RETURNS TABLE (first_position bigint, last_position bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT p.first_position, p.last_position FROM event_log_partition p
  WHERE NOT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'event_log'::regclass AND c.relname = p.name AND NOT i.inhdetachpending
  )
  ORDER BY p.first_position
$$;
REVOKE ALL ON FUNCTION missing_partitions FROM PUBLIC;
