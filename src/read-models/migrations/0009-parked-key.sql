-- finds a row's parked events, in order. By its hash: an index entry does not hold every key.
CREATE INDEX parked_key ON projector.parked (build_id, hashtextextended(key_id, 0), position);
