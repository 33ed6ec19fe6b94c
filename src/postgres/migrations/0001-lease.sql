-- Who owns a piece of work, until when. A row, not an advisory lock: it works behind transaction poolers, and its
-- expiry is the database's clock. The row stays after a release, so that the epoch never falls.
CREATE SCHEMA IF NOT EXISTS hookfold;

CREATE TABLE hookfold.lease (
  name text NOT NULL CONSTRAINT lease_pkey PRIMARY KEY,
  owner text NOT NULL,
  epoch bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
