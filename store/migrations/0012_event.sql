-- Who listens to an app's events: its webhooks, its event stream, callbacks of
-- single pushes. Without a row nothing of the app enters the outbox. until is 0
-- for ever; since is when the app began to be listened to without a break.
CREATE TABLE listener (
  app_id BIGINT NOT NULL,
  source TEXT NOT NULL,
  kinds  TEXT NOT NULL,
  since  BIGINT NOT NULL,
  until  BIGINT NOT NULL,
  PRIMARY KEY (app_id, source)
) {clustered};

-- What has happened and is not an event yet. Written in the transaction that
-- writes the outcome; devices of the same message, kind, reason and block
-- gather in one row.
CREATE TABLE outbox (
  number     {serial},
  app_id     BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  message_id BIGINT NOT NULL,
  block      BIGINT NOT NULL,
  reason     TEXT NOT NULL,
  bitmap     {blob},
  detail     TEXT NOT NULL,
  at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX outbox_devices ON outbox (message_id, kind, reason, block) WHERE bitmap IS NOT NULL;

-- Events never change and have a number that rises, in the order in which they
-- can be read.
CREATE TABLE event (
  seq        {serial},
  app_id     BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  message_id BIGINT NOT NULL,
  reason     TEXT NOT NULL,
  bitmap     {blob},
  devices    BIGINT NOT NULL,
  detail     TEXT NOT NULL,
  at         BIGINT NOT NULL
);
CREATE INDEX event_app ON event (app_id, seq);
CREATE INDEX event_at ON event (at);

-- Only one server at a time turns the outbox into events: it holds this row.
INSERT INTO setting (name, value) VALUES ('events.sealer', '');

CREATE TABLE webhook (
  number        {serial},
  id            TEXT NOT NULL UNIQUE,
  app_id        BIGINT NOT NULL REFERENCES app(id),
  callback      SMALLINT NOT NULL DEFAULT 0,
  url           TEXT NOT NULL,
  description   TEXT NOT NULL,
  kinds         TEXT NOT NULL,
  secrets       {blob},
  created_at    BIGINT NOT NULL,
  failing_since BIGINT NOT NULL DEFAULT 0,
  disabled_at   BIGINT NOT NULL DEFAULT 0,
  disabled_why  TEXT NOT NULL DEFAULT ''
);
CREATE INDEX webhook_app ON webhook (app_id, number);
CREATE UNIQUE INDEX webhook_callback ON webhook (app_id, url) WHERE callback = 1;

-- A delivery is one POST: a part of an event for one webhook. state: 0 waiting,
-- 1 delivered, 2 given up.
CREATE TABLE delivery (
  id         {serial},
  webhook    BIGINT NOT NULL,
  event      BIGINT NOT NULL,
  part       INTEGER NOT NULL,
  state      SMALLINT NOT NULL DEFAULT 0,
  attempt    INTEGER NOT NULL DEFAULT 0,
  due_at     BIGINT NOT NULL,
  tried_at   BIGINT NOT NULL DEFAULT 0,
  status     INTEGER NOT NULL DEFAULT 0,
  answer     TEXT NOT NULL DEFAULT '',
  problem    TEXT NOT NULL DEFAULT '',
  took       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX delivery_due ON delivery (webhook, due_at) WHERE state = 0;
CREATE INDEX delivery_webhook ON delivery (webhook, id);
CREATE UNIQUE INDEX delivery_event ON delivery (event, webhook, part);

-- Which warnings of a credential's expiry were given.
CREATE TABLE credential_notice (
  credential_id BIGINT NOT NULL,
  days          INTEGER NOT NULL,
  PRIMARY KEY (credential_id, days)
) {clustered};
