-- A schedule waits as a row with its next time; 0 means that it is finished or
-- not enabled. last_at is its trigger's last occurrence: after it a schedule
-- that is not enabled counts as finished.
CREATE TABLE schedule (
  number       {serial},
  id           TEXT NOT NULL UNIQUE,
  app_id       BIGINT NOT NULL,
  name         TEXT NOT NULL,
  enabled      SMALLINT NOT NULL,
  rule         TEXT NOT NULL,
  push         TEXT NOT NULL,
  trigger_body TEXT NOT NULL,
  push_body    TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  next_at      BIGINT NOT NULL,
  last_at      BIGINT NOT NULL,
  finished_at  BIGINT NOT NULL DEFAULT 0,
  revision     BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX schedule_app ON schedule (app_id, number);
CREATE INDEX schedule_due ON schedule (next_at, id) WHERE next_at > 0;

-- What became of each occurrence; message_id is 0 if nothing was sent.
CREATE TABLE firing (
  number      {serial},
  schedule_id TEXT NOT NULL,
  due_at      BIGINT NOT NULL,
  fired_at    BIGINT NOT NULL,
  message_id  BIGINT NOT NULL,
  problem     TEXT NOT NULL
);
CREATE INDEX firing_schedule ON firing (schedule_id, number);

CREATE TABLE schedule_cid (
  app_id      BIGINT NOT NULL,
  cid         TEXT NOT NULL,
  schedule_id TEXT NOT NULL,
  name        TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (app_id, cid)
) {clustered};
