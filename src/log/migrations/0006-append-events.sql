-- The protocol of the log. In one transaction: lock, drop known delivery ids, number, insert, seal.
--
-- Two at once: the second waits on the row of log_setting until the first has committed or rolled back. Postgres
-- makes a commit visible before it releases the commit's locks, so the statements after the lock see the first's
-- events, seal and delivery ids. Hence positions follow commits, and a rollback leaves no gap.
--
-- The arrays are parallel, one element an event. Answers the position before the batch, the last of it, and for
-- every event that a delivery id made a repeat: its ordinal (from 1), and the position and id of the first.
-- Events that are no repeats hold the positions between, in their order.
CREATE FUNCTION append_events(
  event_ids uuid[], received_ats timestamptz[], sources text[], delivery_ids text[],
  workspace_ids text[], customer_ids text[], events text[], integration_ids text[],
  resource_types text[], resource_ids text[], states text[], headers json[], bodies json[],
  OUT position_before bigint, OUT last_position bigint, OUT repeats json
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  hash_before bytea;
  digests bytea;
  appended integer;
  repeated bigint[] := '{}';
  has_delivery_ids boolean := array_remove(delivery_ids, NULL) <> '{}';
BEGIN
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  PERFORM 1 FROM log_setting FOR UPDATE;
  SELECT h.position, h.seal INTO position_before, hash_before FROM log_head h;

  IF has_delivery_ids THEN
    SELECT coalesce(array_agg(i.ordinal), '{}') INTO repeated
    FROM (
      SELECT ordinal, source, delivery_id, row_number() OVER (PARTITION BY source, delivery_id ORDER BY ordinal) AS nth
      FROM unnest(sources, delivery_ids) WITH ORDINALITY AS u(source, delivery_id, ordinal)
      WHERE delivery_id IS NOT NULL
    ) i
    LEFT JOIN delivery d ON d.source = i.source AND d.delivery_id = i.delivery_id
    WHERE d.position IS NOT NULL OR i.nth > 1;
  END IF;

  appended := cardinality(event_ids) - cardinality(repeated);
  last_position := position_before + appended;
  IF appended > 0 THEN
    IF last_position > (SELECT max(p.last_position) FROM event_log_partition p) THEN
      PERFORM ensure_event_log_partitions(last_position);
    END IF;

    -- unnest in the select list, not in FROM: that would store all arrays once more before the first row is made.
    WITH inserted AS (
      INSERT INTO event_log (position, event_id, received_at, source, workspace_id, customer_id, event,
        integration_id, resource_type, resource_id, state, headers, body, digest)
      SELECT position_before + ordinal - (SELECT count(*) FROM unnest(repeated) r WHERE r < ordinal), event_id,
        received_at, source, workspace_id, customer_id, event, integration_id, resource_type, resource_id, state,
        header, body, event_digest(event_id, received_at, source, convert_to(header::text, 'UTF8'),
          convert_to(body::text, 'UTF8'))
      FROM (
        SELECT generate_series(1, cardinality(event_ids)) AS ordinal, unnest(event_ids) AS event_id,
          unnest(received_ats)::timestamptz(3) AS received_at, unnest(sources) AS source, unnest(workspace_ids) AS workspace_id,
          unnest(customer_ids) AS customer_id, unnest(events) AS event, unnest(integration_ids) AS integration_id,
          unnest(resource_types) AS resource_type, unnest(resource_ids) AS resource_id, unnest(states) AS state,
          unnest(headers) AS header, unnest(bodies) AS body
      ) u
      WHERE ordinal <> ALL (repeated)
      RETURNING position, digest
    )
    SELECT string_agg(digest, ''::bytea ORDER BY position) INTO digests FROM inserted;

    INSERT INTO seal (last_position, count, hash)
    VALUES (append_events.last_position, appended, sha256(hash_before || digests));
  END IF;

  IF has_delivery_ids THEN
    INSERT INTO delivery (source, delivery_id, position, event_id)
    SELECT source, delivery_id, position_before + nth, event_id
    FROM (
      SELECT source, delivery_id, event_id, row_number() OVER (ORDER BY ordinal) AS nth
      FROM unnest(sources, delivery_ids, event_ids) WITH ORDINALITY AS u(source, delivery_id, event_id, ordinal)
      WHERE ordinal <> ALL (repeated)
    ) fresh
    WHERE delivery_id IS NOT NULL;

    SELECT json_agg(json_build_object('ordinal', u.ordinal, 'position', d.position, 'event_id', d.event_id)
      ORDER BY u.ordinal) INTO repeats
    FROM unnest(sources, delivery_ids) WITH ORDINALITY AS u(source, delivery_id, ordinal)
    JOIN delivery d ON d.source = u.source AND d.delivery_id = u.delivery_id
    WHERE u.ordinal = ANY (repeated);
  END IF;
END $$;
