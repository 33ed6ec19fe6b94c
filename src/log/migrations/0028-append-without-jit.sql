-- Up to Postgres 17 a plan that has to read a whole table where that is discouraged, as that of log_setting's one row,
-- counts as so dear that it is compiled, at each call: ten milliseconds, many times what the batch itself takes.
ALTER FUNCTION append_events SET jit = off;
