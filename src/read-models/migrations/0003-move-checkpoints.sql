-- The compare-and-set of a page: moves checkpoints from where they were read to target, or fails with HF002 where any
-- has moved. It fails here, not in the caller, so that the rows can be sent behind it without waiting for its answer.
CREATE FUNCTION projector.move_checkpoints(
  build_ids bigint[], segments integer[], positions bigint[], revisions bigint[], target bigint
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  moved integer;
BEGIN
  UPDATE projector.checkpoint c SET position = target, updated_at = now()
  FROM (
    SELECT * FROM unnest(build_ids, segments, positions, revisions) AS e(build_id, segment, position, revision)
    ORDER BY build_id, segment
  ) e
  WHERE c.build_id = e.build_id AND c.segment = e.segment AND c.position = e.position AND c.revision = e.revision;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> cardinality(build_ids) THEN
    RAISE EXCEPTION 'a checkpoint was moved by another process: % of % stand where they were read',
      moved, cardinality(build_ids) USING ERRCODE = 'HF002';
  END IF;
END $$;
