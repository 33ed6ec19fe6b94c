-- The first position up to `through` of a partition that is not part of the log at present (detached, or dropped); null
-- where all are. Whoever reads the events of a key cannot tell by what was read that some are missing. It runs with its
-- owner's rights, since readers of the log are not given the list of partitions; what it tells is no secret.
CREATE FUNCTION first_missing(through bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT min(p.first_position) FROM event_log_partition p
  WHERE p.first_position <= through AND NOT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'event_log'::regclass AND c.relname = p.name AND NOT i.inhdetachpending
  )
$$;
REVOKE ALL ON FUNCTION first_missing FROM PUBLIC;
