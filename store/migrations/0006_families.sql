-- What JPush's groups, files, admin and further families need.

ALTER TABLE app ADD COLUMN package TEXT NOT NULL DEFAULT '';     -- of an app that was made through /v1/app
ALTER TABLE app ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0; -- what it owned is being erased
CREATE UNIQUE INDEX app_package ON app (account_id, package) WHERE package <> '' AND deleted_at = 0;

CREATE TABLE app_group (
  id         {serial},
  account_id BIGINT NOT NULL REFERENCES account(id),
  group_key  TEXT NOT NULL UNIQUE,
  secret     {blob} NOT NULL,
  name       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (account_id, name)
);

CREATE TABLE group_member (
  group_id BIGINT NOT NULL,
  app_id   BIGINT NOT NULL,
  PRIMARY KEY (group_id, app_id)
) {clustered};
CREATE INDEX group_member_app ON group_member (app_id);

-- One push to a group, and the message that it became in each of its apps.
CREATE TABLE group_push (
  id         {id},
  group_id   BIGINT NOT NULL,
  cid        TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX group_push_group ON group_push (group_id, cid);

CREATE TABLE group_message (
  group_push_id BIGINT NOT NULL,
  app_id        BIGINT NOT NULL,
  message_id    BIGINT NOT NULL,
  PRIMARY KEY (group_push_id, app_id)
) {clustered};
CREATE INDEX group_message_app ON group_message (app_id);

-- A list of aliases or registration ids that a push can be sent to. app_id is 0
-- for a list of an account, which all its apps can use; complete is 0 while the
-- list is still arriving.
CREATE TABLE audience_file (
  id         TEXT PRIMARY KEY,
  app_id     BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  complete   SMALLINT NOT NULL DEFAULT 0
);
CREATE INDEX audience_file_owner ON audience_file (account_id, app_id);

CREATE TABLE audience_file_part (
  file_id TEXT NOT NULL,
  part    BIGINT NOT NULL,
  lines   {blob} NOT NULL,
  PRIMARY KEY (file_id, part)
) {clustered};

-- The devices that a list stood for when its message was accepted, by block,
-- until the block's job is planned.
CREATE TABLE selection (
  message_id BIGINT NOT NULL,
  block      BIGINT NOT NULL,
  app_id     BIGINT NOT NULL,
  bitmap     {blob} NOT NULL,
  PRIMARY KEY (message_id, block)
) {clustered};
CREATE INDEX selection_app ON selection (app_id);

-- Devices that a push with options.test_model reaches.
CREATE TABLE test_device (
  app_id          BIGINT NOT NULL,
  registration_id TEXT NOT NULL,
  name            TEXT NOT NULL,
  created_at      BIGINT NOT NULL,
  PRIMARY KEY (app_id, registration_id)
) {clustered};

CREATE TABLE push_plan (
  app_id       BIGINT NOT NULL,
  name         TEXT NOT NULL,
  description  TEXT NOT NULL,
  push_count   BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  send_source  SMALLINT NOT NULL DEFAULT 0,
  PRIMARY KEY (app_id, name)
) {clustered};

-- Pictures for the notifications of other platforms: their addresses, as JSON.
CREATE TABLE image (
  id         TEXT PRIMARY KEY,
  app_id     BIGINT NOT NULL,
  kind       SMALLINT NOT NULL,
  urls       TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX image_app ON image (app_id);
