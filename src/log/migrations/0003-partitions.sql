-- Partitions by position, made before they are needed. log_setting is the one row that all appends lock.
CREATE TABLE log_setting (
  only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT log_setting_one_row CHECK (only_row),
  partition_size bigint NOT NULL CONSTRAINT log_setting_partition_size CHECK (partition_size > 0)
);
INSERT INTO log_setting (partition_size) VALUES (5000000);

CREATE TABLE event_log_partition (
  first_position bigint PRIMARY KEY,
  last_position bigint NOT NULL,
  name text NOT NULL
);

-- A table is built aside and attached: that locks neither readers nor appends out, as CREATE … PARTITION OF would.
-- Two callers at once: the second waits for the advisory lock, and then finds the work done.
CREATE FUNCTION ensure_event_log_partitions(through_position bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  size bigint;
  next_first bigint;
  partition text;
BEGIN
  PERFORM pg_advisory_xact_lock('event_log'::regclass::oid::int, 1);
  SELECT partition_size INTO size FROM log_setting;
  LOOP
    SELECT coalesce(max(last_position), 0) + 1 INTO next_first FROM event_log_partition;
    EXIT WHEN next_first > through_position;
    partition := 'event_log_' || next_first;
    EXECUTE format('CREATE TABLE %I (LIKE event_log INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION)',
      partition);
    PERFORM make_immutable(partition::regclass);
    EXECUTE format('ALTER TABLE event_log ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
      partition, next_first, next_first + size);
    INSERT INTO event_log_partition VALUES (next_first, next_first + size - 1, partition);
  END LOOP;
END $$;

SELECT ensure_event_log_partitions(1);
