-- The tokens of a device beside that of notifications: of PushKit, and of live
-- activities by their names. part says which of them a job sends to.
CREATE TABLE special_token (
  app_id      BIGINT NOT NULL,
  number      BIGINT NOT NULL,
  kind        TEXT NOT NULL,
  name        TEXT NOT NULL,
  token       TEXT NOT NULL,
  environment SMALLINT NOT NULL,
  token_at    BIGINT NOT NULL,
  PRIMARY KEY (app_id, number, kind, name)
) {clustered};
CREATE INDEX special_token_name ON special_token (app_id, kind, name, number);
CREATE INDEX special_token_token ON special_token (app_id, token);

ALTER TABLE job ADD COLUMN part TEXT NOT NULL DEFAULT '';
