-- What servers that share a database keep of each other (store/shared.go). With
-- a database of one server, as SQLite's, these tables stay empty.

-- The servers that run. seen_at is by the database's clock.
CREATE TABLE node (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL
);

-- The device numbers from next to before last that one server gives out: each
-- has a block of its own, so that registrations through different servers touch
-- different rows. holder is a node's id, or '' if nobody uses the rest.
CREATE TABLE number_range (
  app_id BIGINT NOT NULL,
  next   BIGINT NOT NULL,
  last   BIGINT NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (app_id, last)
) {clustered};
CREATE INDEX number_range_holder ON number_range (holder, app_id);

-- Rows that transactions change so that one waits for the other.
CREATE TABLE gate (
  id     BIGINT PRIMARY KEY,
  passed BIGINT NOT NULL
) {clustered};
