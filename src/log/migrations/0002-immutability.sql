-- No statement changes or removes an event, not even the owner's. Statement triggers, so that they cost an append
-- nothing and refuse even what would touch no row; ALWAYS, so that replication mode does not switch them off.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % is refused: the log is immutable', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'HF001', HINT = 'Append a new event instead; the log is what happened.';
END $$;

CREATE FUNCTION make_immutable(relation regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', relation);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER immutable', relation);
END $$;

SELECT make_immutable('event_log');
