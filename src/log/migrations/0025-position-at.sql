-- The position up to which the log had been received at a time, as 0007 has it, also where partitions are detached.
-- When an event was received that is not there is not known: it counts as received together with the last one before it
-- that is there; with none before it, as received at all times, since what is detached is the old part. So the answers
-- along the positions are still "yes" up to one of them and "no" from there on, which a binary search over the primary
-- key relies on. Times of receipt rise with positions but for the skew between the clocks of ingest processes; where an
-- archive was imported behind newer events, name a position instead of a time.
CREATE OR REPLACE FUNCTION position_at(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint := 0;
  high bigint := (SELECT position FROM log_head);
  middle bigint;
  -- the last event in (low, middle] that is there
  present record;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT e.position, e.received_at INTO present FROM event_log e
    WHERE e.position > low AND e.position <= middle ORDER BY e.position DESC LIMIT 1;
    IF NOT FOUND OR present.received_at <= instant THEN
      low := middle;
    ELSE
      high := present.position - 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;
