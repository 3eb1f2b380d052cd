-- How far files of devices have been imported: digest is that of the first
-- offset_at bytes, which tells a changed file.
CREATE TABLE device_import (
  app_id      BIGINT NOT NULL,
  source      TEXT NOT NULL,
  offset_at   BIGINT NOT NULL,
  digest      {blob} NOT NULL,
  line        BIGINT NOT NULL,
  added       BIGINT NOT NULL,
  changed     BIGINT NOT NULL,
  rejected    BIGINT NOT NULL,
  started_at  BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  PRIMARY KEY (app_id, source)
) {clustered};

-- The message of a group's push is looked up when it is forgotten.
CREATE INDEX group_message_message ON group_message (message_id);
CREATE INDEX group_push_created ON group_push (created_at);
