-- Functions that run with their owner's rights are for those who are named (deploy/grants.sql), not for everyone who
-- may connect, which is what Postgres gives by default.
REVOKE ALL ON FUNCTION append_events, ensure_event_log_partitions, note_api_key_use FROM PUBLIC;
