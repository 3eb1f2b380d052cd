-- A message for few devices keeps its marks in its own row (store/note.go), and
-- a message's first job of its own has its id: what is written for a login code
-- is one row and one job. Both tables are made anew, because their ids are
-- given by the writer now: {id} is the table's own order where that is cheaper.

CREATE TABLE message_new (
  id          {id},
  app_id      BIGINT NOT NULL,
  sendno      BIGINT NOT NULL,
  source      TEXT NOT NULL,
  platforms   TEXT NOT NULL,
  audience    TEXT NOT NULL,
  content     TEXT NOT NULL,
  options     TEXT NOT NULL,
  accepted_at BIGINT NOT NULL,
  stopped_at  BIGINT NOT NULL DEFAULT 0,
  notes       TEXT NOT NULL DEFAULT ''
);
INSERT INTO message_new (id, app_id, sendno, source, platforms, audience, content, options, accepted_at, stopped_at)
  SELECT id, app_id, sendno, source, platforms, audience, content, options, accepted_at, stopped_at FROM message;
DROP TABLE message;
ALTER TABLE message_new RENAME TO message;
CREATE INDEX message_app ON message (app_id, id);

CREATE TABLE job_new (
  id          {id},
  message_id  BIGINT NOT NULL,
  app_id      BIGINT NOT NULL,
  lane        SMALLINT NOT NULL,
  block       BIGINT NOT NULL,
  attempt     INTEGER NOT NULL,
  due_at      BIGINT NOT NULL,
  holder      TEXT NOT NULL DEFAULT '',
  fence       BIGINT NOT NULL DEFAULT 0,
  targets     {blob},
  badges      {blob}
);
INSERT INTO job_new (id, message_id, app_id, lane, block, attempt, due_at, holder, fence, targets, badges)
  SELECT id, message_id, app_id, lane, block, attempt, due_at, holder, fence, targets, badges FROM job;
DROP TABLE job;
ALTER TABLE job_new RENAME TO job;
CREATE INDEX job_due ON job (lane, due_at);
CREATE INDEX job_message ON job (message_id);
