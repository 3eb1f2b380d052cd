-- Mails that wait for the mail server. The text is sealed: it may hold a link
-- that opens a door. given_up_at is set when it will not be tried again.
CREATE TABLE mail (
  id          {serial},
  recipient   TEXT NOT NULL,
  subject     TEXT NOT NULL,
  body        {blob} NOT NULL,
  attempt     INTEGER NOT NULL DEFAULT 0,
  due_at      BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  tried_at    BIGINT NOT NULL DEFAULT 0,
  problem     TEXT NOT NULL DEFAULT '',
  given_up_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX mail_due ON mail (due_at) WHERE given_up_at = 0;

-- Which warnings of a credential's expiry were mailed.
CREATE TABLE expiry_mail (
  credential_id BIGINT NOT NULL,
  days          INTEGER NOT NULL,
  PRIMARY KEY (credential_id, days)
) {clustered};
