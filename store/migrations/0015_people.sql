-- People are apart from the accounts they work in. What an account kept of its
-- founder becomes a person; account.password_hash is read no more.
CREATE TABLE person (
  id            {serial},
  email         TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  created_at    BIGINT NOT NULL
);
INSERT INTO person (email, password_hash, created_at) SELECT email, password_hash, created_at FROM account ORDER BY id;

CREATE TABLE membership (
  account_id BIGINT NOT NULL REFERENCES account(id),
  person_id  BIGINT NOT NULL REFERENCES person(id),
  role       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, person_id)
) {clustered};
CREATE INDEX membership_person ON membership (person_id, account_id);
INSERT INTO membership (account_id, person_id, role, created_at)
  SELECT a.id, p.id, 'owner', a.created_at FROM account a JOIN person p ON p.email = a.email;
UPDATE account SET password_hash = '';

-- A session is a person's in one of their accounts.
ALTER TABLE session ADD COLUMN person_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT '';
UPDATE session SET person_id = COALESCE((SELECT m.person_id FROM membership m WHERE m.account_id = session.account_id), 0);
CREATE INDEX session_person ON session (person_id);

-- Links of the second step of a sign-in are a person's; account_id is 0 then.
ALTER TABLE link ADD COLUMN person_id BIGINT NOT NULL DEFAULT 0;

CREATE TABLE invitation (
  id         {serial},
  hash       {blob} NOT NULL UNIQUE,
  account_id BIGINT NOT NULL REFERENCES account(id),
  email      TEXT NOT NULL,
  role       TEXT NOT NULL,
  invited_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  UNIQUE (account_id, email)
);

-- The second factor by code. last_step is the newest 30 seconds whose code was
-- used: no code works twice. Until confirmed_at is set it protects nothing.
CREATE TABLE totp (
  person_id    BIGINT PRIMARY KEY REFERENCES person(id),
  secret       {blob} NOT NULL,
  confirmed_at BIGINT NOT NULL DEFAULT 0,
  last_step    BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE recovery_code (
  person_id BIGINT NOT NULL REFERENCES person(id),
  hash      {blob} NOT NULL,
  PRIMARY KEY (person_id, hash)
) {clustered};

CREATE TABLE passkey (
  id            {serial},
  person_id     BIGINT NOT NULL REFERENCES person(id),
  credential_id {blob} NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  data          TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  used_at       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX passkey_person ON passkey (person_id, id);

-- Who a person is at an OpenID Connect provider.
CREATE TABLE identity (
  issuer    TEXT NOT NULL,
  subject   TEXT NOT NULL,
  person_id BIGINT NOT NULL REFERENCES person(id),
  PRIMARY KEY (issuer, subject)
) {clustered};
