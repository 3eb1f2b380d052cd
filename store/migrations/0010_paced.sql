-- Pushes that are being spread over time (big_push_duration).
CREATE TABLE paced (
  app_id     BIGINT NOT NULL,
  message_id BIGINT NOT NULL,
  ends_at    BIGINT NOT NULL,
  PRIMARY KEY (app_id, message_id)
) {clustered};
