-- Times are milliseconds since 1970 UTC, 0 for none; booleans 0 or 1.
-- {blob} and {serial} stand for what differs between databases (dialect.go).

CREATE TABLE setting (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE account (
  id            {serial},
  email         TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  dev_key       TEXT NOT NULL UNIQUE,
  dev_secret    {blob} NOT NULL,
  created_at    BIGINT NOT NULL
);

CREATE TABLE link (
  hash       {blob} PRIMARY KEY,
  purpose    TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE session (
  hash       {blob} PRIMARY KEY,
  account_id BIGINT NOT NULL REFERENCES account(id),
  expires_at BIGINT NOT NULL
);

CREATE TABLE app (
  id            {serial},
  account_id    BIGINT NOT NULL REFERENCES account(id),
  app_key       TEXT NOT NULL UNIQUE,
  master_secret {blob} NOT NULL,
  name          TEXT NOT NULL,
  bundle_id     TEXT NOT NULL,
  next_number   BIGINT NOT NULL DEFAULT 0,
  created_at    BIGINT NOT NULL
);
CREATE INDEX app_account ON app (account_id);

CREATE TABLE credential (
  id           {serial},
  app_id       BIGINT NOT NULL REFERENCES app(id),
  environment  SMALLINT NOT NULL,
  facts        TEXT NOT NULL,
  file         {blob} NOT NULL,
  validated_at BIGINT NOT NULL,
  parked       TEXT NOT NULL DEFAULT '',
  parked_at    BIGINT NOT NULL DEFAULT 0,
  UNIQUE (app_id, environment)
);

-- A device's number is its position in the app's bitmaps. The primary key keeps
-- the devices of a block together, which is how they are read for sending.
CREATE TABLE device (
  app_id          BIGINT NOT NULL,
  number          BIGINT NOT NULL,
  registration_id TEXT NOT NULL,
  install_id      TEXT NOT NULL,
  secret_hash     {blob} NOT NULL,
  platform        TEXT NOT NULL,
  token           TEXT,
  environment     SMALLINT NOT NULL DEFAULT 0,
  token_at        BIGINT NOT NULL DEFAULT 0,
  retired_reason  TEXT NOT NULL DEFAULT '',
  retired_at      BIGINT NOT NULL DEFAULT 0,
  alias           TEXT,
  tags            TEXT NOT NULL DEFAULT '',
  badge           INTEGER NOT NULL DEFAULT 0,
  mobile          TEXT NOT NULL DEFAULT '',
  push_disabled   SMALLINT NOT NULL DEFAULT 0,
  muted           SMALLINT NOT NULL DEFAULT 0,
  profile         TEXT NOT NULL DEFAULT '{}',
  registered_at   BIGINT NOT NULL,
  seen_at         BIGINT NOT NULL,
  PRIMARY KEY (app_id, number)
) {clustered};
CREATE UNIQUE INDEX device_registration ON device (registration_id, app_id);
CREATE UNIQUE INDEX device_install ON device (app_id, install_id);
CREATE UNIQUE INDEX device_token ON device (app_id, token) WHERE token IS NOT NULL;
CREATE INDEX device_alias ON device (app_id, alias) WHERE alias IS NOT NULL;

-- Which devices of a block have a property, folded up to the changes that are
-- still in index_change.
CREATE TABLE index_block (
  app_id BIGINT NOT NULL,
  block  BIGINT NOT NULL,
  term   TEXT NOT NULL,
  bitmap {blob} NOT NULL,
  PRIMARY KEY (app_id, block, term)
) {clustered};

-- One record for each change of a device: the terms it gained and lost, one a line.
CREATE TABLE index_change (
  app_id  BIGINT NOT NULL,
  block   BIGINT NOT NULL,
  seq     {sequence},
  number  BIGINT NOT NULL,
  gained  TEXT NOT NULL,
  lost    TEXT NOT NULL
);
CREATE INDEX index_change_block ON index_change (app_id, block, seq);

CREATE TABLE message (
  id          BIGINT PRIMARY KEY,
  app_id      BIGINT NOT NULL,
  sendno      BIGINT NOT NULL,
  source      TEXT NOT NULL,
  platforms   TEXT NOT NULL,
  audience    TEXT NOT NULL,
  content     TEXT NOT NULL,
  options     TEXT NOT NULL,
  accepted_at BIGINT NOT NULL,
  stopped_at  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX message_app ON message (app_id, id);

CREATE TABLE cid (
  app_id     BIGINT NOT NULL,
  cid        TEXT NOT NULL,
  message_id BIGINT NOT NULL,
  sendno     BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (app_id, cid)
) {clustered};

-- A job with targets is planned: they are the devices without an outcome yet.
CREATE TABLE job (
  id          {serial},
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
CREATE INDEX job_due ON job (lane, due_at);
CREATE INDEX job_message ON job (message_id);

-- The outcomes: one bitmap for each message, block and mark.
CREATE TABLE mark (
  message_id BIGINT NOT NULL,
  block      BIGINT NOT NULL,
  mark       TEXT NOT NULL,
  bitmap     {blob} NOT NULL,
  devices    BIGINT NOT NULL,
  written_at BIGINT NOT NULL,
  PRIMARY KEY (message_id, block, mark)
) {clustered};
