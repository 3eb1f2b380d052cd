-- Who may call for an app from where, and the Master Secret before this one.
CREATE TABLE app_access (
  app_id         BIGINT PRIMARY KEY REFERENCES app(id),
  allow          TEXT NOT NULL DEFAULT '',
  previous       {blob},
  previous_until BIGINT NOT NULL DEFAULT 0
);

-- API keys, by the digests of their secrets.
CREATE TABLE api_key (
  id           {serial},
  app_id       BIGINT NOT NULL REFERENCES app(id),
  digest       {blob} NOT NULL UNIQUE,
  name         TEXT NOT NULL,
  hint         TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  allow        TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  revoked_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX api_key_app ON api_key (app_id, id);

CREATE TABLE audit (
  id         {serial},
  at         BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  app_id     BIGINT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  address    TEXT NOT NULL,
  action     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  detail     TEXT NOT NULL
);
CREATE INDEX audit_app ON audit (app_id, id);
CREATE INDEX audit_account ON audit (account_id, id);
