-- The protocol of the log, as 0023 has it; who goes silent in the transaction that appended is ended. In one
-- transaction: digests, lock, number all but known delivery ids, insert, seal.
--
-- Two at once: the second waits on the row of log_setting until the first has committed or rolled back. Postgres
-- makes a commit visible before it releases the commit's locks, so the statements after the lock see the first's
-- events, seal and delivery ids. Hence positions follow commits, and a rollback leaves no gap. Nor does it wait for a
-- first that is not heard of any more: within five seconds Postgres ends that one's session, and so rolls it back.
--
-- A statement costs as much to start as one or two events to insert, and a door's batches are small: so head and
-- partitions are read by one, and a batch without delivery ids, as nearly all are, is numbered by the statement that
-- inserts it and sealed by digests that were joined before the lock.
--
-- Its statements are planned once a connection: planned anew for each batch's arrays they cost as much as ten events.
-- So no plan may rest on how small a table was then: none reads a whole table, and a lookup behind LIMIT stays a
-- lookup a row.
--
-- The arrays are parallel, one element an event. Answers the position before the batch, the last of it, and for
-- every event that a delivery id made a repeat: its ordinal (from 1), and the position and id of the first.
-- Events that are no repeats hold the positions between, in their order.
CREATE OR REPLACE FUNCTION append_events(
  event_ids uuid[], received_ats timestamptz[], sources text[], delivery_ids text[],
  workspace_ids text[], customer_ids text[], events text[], integration_ids text[],
  resource_types text[], resource_ids text[], states text[], headers json[], bodies json[],
  OUT position_before bigint, OUT last_position bigint, OUT repeats json
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  hash_before bytea;
  -- the last position that a partition is there for
  room bigint;
  digests bytea[];
  -- the digests of what is appended, in order
  joined bytea;
  -- null for a repeat
  positions bigint[];
  appended integer := cardinality(event_ids);
  has_delivery_ids boolean := array_remove(delivery_ids, NULL) <> '{}';
BEGIN
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- The lock is held until the caller's commit, and all who append wait for it: a caller that was suspended or cut off
  -- between the two may not keep them waiting.
  IF current_setting('idle_in_transaction_session_timeout')::interval NOT BETWEEN '1 ms' AND '5 s' THEN
    PERFORM set_config('idle_in_transaction_session_timeout', '5s', true);
  END IF;
  digests := ARRAY(
    SELECT event_digest(event_id, received_at, source, convert_to(header::text, 'UTF8'), convert_to(body::text, 'UTF8'))
    FROM (
      SELECT unnest(event_ids) AS event_id, unnest(received_ats)::timestamptz(3) AS received_at,
        unnest(sources) AS source, unnest(headers) AS header, unnest(bodies) AS body
    ) u);
  -- A statement of its own: two aggregates over one would each compute all digests.
  joined := (SELECT string_agg(digest, ''::bytea) FROM unnest(digests) AS u(digest));
  PERFORM 1 FROM log_setting FOR UPDATE;
  SELECT s.last_position, s.hash,
    (SELECT p.last_position FROM event_log_partition p ORDER BY p.first_position DESC LIMIT 1)
  INTO position_before, hash_before, room
  FROM seal s ORDER BY s.last_position DESC LIMIT 1;
  IF NOT FOUND THEN
    SELECT h.position, h.seal INTO position_before, hash_before FROM log_head h;
  END IF;

  IF has_delivery_ids THEN
    positions := ARRAY(
      SELECT CASE WHEN is_new THEN position_before + count(*) FILTER (WHERE is_new) OVER (ORDER BY ordinal) END
      FROM (
        SELECT ordinal, delivery_id IS NULL OR nth = 1 AND first.position IS NULL AS is_new
        FROM (
          SELECT *, row_number() OVER (PARTITION BY source, delivery_id ORDER BY ordinal) AS nth
          FROM unnest(sources, delivery_ids) WITH ORDINALITY AS u(source, delivery_id, ordinal)
        ) u
        LEFT JOIN LATERAL (
          SELECT d.position FROM delivery d WHERE d.source = u.source AND d.delivery_id = u.delivery_id LIMIT 1
        ) first ON true
      ) u
      ORDER BY ordinal);
    appended := cardinality(array_remove(positions, NULL));
    joined := (
      SELECT string_agg(digest, ''::bytea ORDER BY position) FROM unnest(positions, digests) AS u(position, digest)
      WHERE position IS NOT NULL);
  END IF;

  last_position := position_before + appended;
  IF appended > 0 THEN
    IF room IS NULL OR last_position > room THEN
      PERFORM ensure_event_log_partitions(last_position);
    END IF;

    -- unnest in the select list, not in FROM: that would store all arrays once more before the first row is made.
    IF has_delivery_ids THEN
      INSERT INTO event_log (position, event_id, received_at, source, workspace_id, customer_id, event,
        integration_id, resource_type, resource_id, state, headers, body, digest)
      SELECT * FROM (
        SELECT unnest(positions) AS position, unnest(event_ids), unnest(received_ats), unnest(sources),
          unnest(workspace_ids), unnest(customer_ids), unnest(events), unnest(integration_ids), unnest(resource_types),
          unnest(resource_ids), unnest(states), unnest(headers), unnest(bodies), unnest(digests)
      ) u
      WHERE position IS NOT NULL;
    ELSE
      INSERT INTO event_log (position, event_id, received_at, source, workspace_id, customer_id, event,
        integration_id, resource_type, resource_id, state, headers, body, digest)
      SELECT generate_series(position_before + 1, append_events.last_position), unnest(event_ids), unnest(received_ats),
        unnest(sources), unnest(workspace_ids), unnest(customer_ids), unnest(events), unnest(integration_ids),
        unnest(resource_types), unnest(resource_ids), unnest(states), unnest(headers), unnest(bodies), unnest(digests);
    END IF;

    INSERT INTO seal (last_position, count, hash)
    VALUES (append_events.last_position, appended, sha256(hash_before || joined));
  END IF;

  IF has_delivery_ids THEN
    INSERT INTO delivery (source, delivery_id, position, event_id)
    SELECT source, delivery_id, position, event_id
    FROM unnest(sources, delivery_ids, positions, event_ids) AS u(source, delivery_id, position, event_id)
    WHERE position IS NOT NULL AND delivery_id IS NOT NULL;

    SELECT json_agg(json_build_object('ordinal', ordinal, 'position', first.position, 'event_id', first.event_id)
      ORDER BY ordinal) INTO repeats
    FROM unnest(sources, delivery_ids, positions) WITH ORDINALITY AS u(source, delivery_id, position, ordinal)
    CROSS JOIN LATERAL (
      SELECT d.position, d.event_id FROM delivery d
      WHERE d.source = u.source AND d.delivery_id = u.delivery_id LIMIT 1
    ) first
    WHERE u.position IS NULL;
  END IF;
END $$;
