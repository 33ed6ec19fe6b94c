-- Which log a checkpoint belongs to: the id of the event at its position, written with every move. Null: not known, as of
-- an old checkpoint until its next move. Whoever begins to follow from it compares it (same-log.ts).
--
-- Two projectors of which one still reads the log as it was before a restore, the other the restored one: whoever moves
-- the checkpoint first, the other's compare-and-set fails, it reads the checkpoint anew, and finds an event that its log
-- does not have there. So neither folds on what the other has folded.
ALTER TABLE projector.checkpoint ADD COLUMN event_id uuid;

-- Processes of older code go on while newer ones run. Their moves do not name the event: then the id becomes null, it
-- does not stay that of another position. Moves that name it never run this function.
CREATE FUNCTION projector.forget_event() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.event_id := NULL;
  RETURN NEW;
END $$;

CREATE TRIGGER checkpoint_forget_event BEFORE UPDATE OF position ON projector.checkpoint
FOR EACH ROW WHEN (NEW.position <> OLD.position AND NEW.event_id = OLD.event_id)
EXECUTE FUNCTION projector.forget_event();

-- As 0003 has it, with the id of the event at target.
CREATE FUNCTION projector.move_checkpoints(
  build_ids bigint[], segments integer[], positions bigint[], revisions bigint[], target bigint, target_event uuid
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  moved integer;
BEGIN
  UPDATE projector.checkpoint c SET position = target, event_id = target_event, updated_at = now()
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

-- What older code calls: it does not know the event.
CREATE OR REPLACE FUNCTION projector.move_checkpoints(
  build_ids bigint[], segments integer[], positions bigint[], revisions bigint[], target bigint
) RETURNS void
LANGUAGE sql AS 'SELECT projector.move_checkpoints(build_ids, segments, positions, revisions, target, NULL)';
