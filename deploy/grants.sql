-- Least privilege: a database role for each part, with what it needs and no more. docs/roles.md tells how to use them.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/grants.sql
--
-- Run it as a superuser on the log's database, and on the read models' database where that is another, after every
-- `hookfold migrate`. Each time it makes the rights what is written here; nobody is cut off meanwhile.
BEGIN;

-- Group roles, without login: users of your own are made members.
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['hookfold_ingest', 'hookfold_relay', 'hookfold_projector', 'hookfold_query'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
    END IF;
    -- What was granted before, by an older version of this file as well, goes.
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', role);
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM %I', role);
  END LOOP;
END $$;

-- The log.
DO $$
BEGIN
  IF to_regclass('public.event_log') IS NULL THEN
    RETURN;
  END IF;

  -- ingest: appends by the one function that holds the protocol, reads who may send, keeps what it rejects.
  GRANT EXECUTE ON FUNCTION append_events TO hookfold_ingest;
  GRANT SELECT ON source, source_secret TO hookfold_ingest;
  GRANT UPDATE (last_used_at) ON source_secret TO hookfold_ingest;
  GRANT SELECT, INSERT, DELETE ON rejected_webhook TO hookfold_ingest;

  -- relay: reads the log, and holds a lease.
  GRANT SELECT ON event_log, log_head TO hookfold_relay;
  GRANT USAGE ON SCHEMA hookfold TO hookfold_relay;
  GRANT SELECT, INSERT, UPDATE ON hookfold.lease TO hookfold_relay;

  -- projector: reads the log.
  GRANT SELECT ON event_log, log_head, seal TO hookfold_projector;
  GRANT EXECUTE ON FUNCTION missing_partitions TO hookfold_projector;

  -- query: reads, and notes that a key was used. Of the secrets it sees when they were used, not what they are.
  GRANT SELECT ON event_log, log_head, rejected_webhook, source, api_key TO hookfold_query;
  GRANT SELECT (source, last_used_at) ON source_secret TO hookfold_query;
  GRANT EXECUTE ON FUNCTION note_api_key_use, missing_partitions TO hookfold_query;
END $$;

-- The read models. The projector owns its tables and views, since it makes, swaps and drops them; its leases are beside
-- them, and it removes that of a process that has ended.
DO $$
DECLARE
  relation record;
BEGIN
  IF to_regnamespace('read_model') IS NULL THEN
    RETURN;
  END IF;
  GRANT USAGE, CREATE ON SCHEMA read_model TO hookfold_projector;
  GRANT USAGE ON SCHEMA projector TO hookfold_projector;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projector TO hookfold_projector;
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA projector TO hookfold_projector;
  GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA projector TO hookfold_projector;
  GRANT USAGE ON SCHEMA hookfold TO hookfold_projector;
  GRANT SELECT, INSERT, UPDATE, DELETE ON hookfold.lease TO hookfold_projector;

  FOR relation IN
    SELECT c.oid::regclass AS name, c.relkind AS kind FROM pg_class c
    WHERE c.relnamespace = 'read_model'::regnamespace AND c.relkind IN ('r', 'v')
      AND pg_get_userbyid(c.relowner) <> 'hookfold_projector'
      AND c.relname NOT IN ('incident_of_reading', 'unreadable')
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO hookfold_projector',
      CASE relation.kind WHEN 'r' THEN 'TABLE' ELSE 'VIEW' END, relation.name);
  END LOOP;

  GRANT USAGE ON SCHEMA read_model, projector TO hookfold_query;
  GRANT SELECT ON ALL TABLES IN SCHEMA read_model, projector TO hookfold_query;
  -- those that a projector will make
  ALTER DEFAULT PRIVILEGES FOR ROLE hookfold_projector IN SCHEMA read_model
    GRANT SELECT ON TABLES TO hookfold_query;
END $$;

COMMIT;
