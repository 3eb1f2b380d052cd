-- Devices take less room: tokens and install ids as bytes (store/pack.go), half
-- of the secret's digest, the profile without its names, badges in their own
-- table only. An imported device has no installation yet: no install id, no
-- digest. The rows are moved by store/upgrade.go, which then drops device_old
-- and makes the indexes of the new table: over sorted rows that is much quicker.

DROP INDEX device_registration;
DROP INDEX device_install;
DROP INDEX device_token;
DROP INDEX device_alias;
ALTER TABLE device RENAME TO device_old;

CREATE TABLE device (
  app_id          BIGINT NOT NULL,
  number          BIGINT NOT NULL,
  registration_id TEXT NOT NULL,
  install_id      {blob},
  secret_hash     {blob},
  platform        TEXT NOT NULL,
  token           {blob},
  environment     SMALLINT NOT NULL DEFAULT 0,
  token_at        BIGINT NOT NULL DEFAULT 0,
  retired_reason  TEXT NOT NULL DEFAULT '',
  retired_at      BIGINT NOT NULL DEFAULT 0,
  alias           TEXT,
  tags            TEXT NOT NULL DEFAULT '',
  mobile          TEXT NOT NULL DEFAULT '',
  push_disabled   SMALLINT NOT NULL DEFAULT 0,
  muted           SMALLINT NOT NULL DEFAULT 0,
  profile         TEXT NOT NULL DEFAULT '',
  registered_at   BIGINT NOT NULL,
  seen_at         BIGINT NOT NULL,
  PRIMARY KEY (app_id, number)
) {clustered};
