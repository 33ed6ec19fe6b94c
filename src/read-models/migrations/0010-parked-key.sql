-- whether an event of a row is parked: asked for each answer about one row. By hash: a key may be too long for a btree.
CREATE INDEX parked_key ON projector.parked USING hash (key_id);
