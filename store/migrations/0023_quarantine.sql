-- The tokens that devices had before, the newest few of each (store/history.go).
-- token is shortened: enough to recognise one, not to send to it. message_id is
-- the message that found it dead, 0 if none did.
CREATE TABLE past_token (
  app_id      BIGINT NOT NULL,
  number      BIGINT NOT NULL,
  ended_at    BIGINT NOT NULL,
  token       TEXT NOT NULL,
  environment SMALLINT NOT NULL,
  since       BIGINT NOT NULL,
  reason      TEXT NOT NULL,
  message_id  BIGINT NOT NULL,
  PRIMARY KEY (app_id, number, ended_at, token)
) {clustered};
