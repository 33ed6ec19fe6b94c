-- Whether a process is at work on a version's rebuild, by its lease (named in rebuild/hold.ts). The query role may ask
-- it, and nothing else of leases.
CREATE FUNCTION projector.is_rebuilding(projection text, version integer) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (
    SELECT FROM hookfold.lease
    WHERE name = format('rebuild:%s:v%s', projection, version) AND expires_at > now()
  )
$$;
