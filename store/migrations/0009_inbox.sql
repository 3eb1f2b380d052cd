-- In-app messages that wait for devices to fetch them. Beside a message stand
-- the parts it has (0 a notification, 1 an in-app message, 2 both) and the one
-- that took its place.
ALTER TABLE message ADD COLUMN parts SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN replaced_by BIGINT NOT NULL DEFAULT 0;

-- place is a device's number, or for a broadcast -1 - block: then the devices
-- are those of the message's mark "inapp:waiting". seq is never used twice, and
-- tells servers what came since they looked.
CREATE TABLE inbox (
  seq        {serial},
  app_id     BIGINT NOT NULL,
  place      BIGINT NOT NULL,
  message_id BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX inbox_place ON inbox (app_id, place, message_id);
CREATE INDEX inbox_message ON inbox (message_id);
CREATE INDEX inbox_expiry ON inbox (expires_at);
