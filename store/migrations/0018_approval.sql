-- From how many devices on a person's push needs a second person; an app
-- without a row has no such size.
CREATE TABLE approval_limit (
  app_id  BIGINT PRIMARY KEY,
  devices BIGINT NOT NULL
) {clustered};

-- Pushes that wait for a second person, in the form of schedules.
CREATE TABLE approval (
  app_id       BIGINT NOT NULL,
  id           TEXT NOT NULL,
  name         TEXT NOT NULL,
  rule         TEXT NOT NULL,
  push         TEXT NOT NULL,
  trigger_body TEXT NOT NULL,
  push_body    TEXT NOT NULL,
  asked_by     TEXT NOT NULL,
  targeted     BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (app_id, id)
) {clustered};
