-- The position up to which the log had been received at a time: a binary search over the primary key. Times of
-- receipt rise with positions but for the skew between the clocks of ingest processes; where an archive was
-- imported behind newer events, name a position instead of a time.
CREATE FUNCTION position_at(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint := 0;
  high bigint := (SELECT position FROM log_head);
  middle bigint;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    IF (SELECT received_at FROM event_log WHERE position = middle) <= instant THEN
      low := middle;
    ELSE
      high := middle - 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;
