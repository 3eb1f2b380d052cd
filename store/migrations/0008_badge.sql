-- The icon numbers of 1,024 neighbouring devices, as varints (store/badge.go).
-- A run without a row has what stands in device.badge, which is no longer written.
CREATE TABLE badge (
  app_id  BIGINT NOT NULL,
  run     BIGINT NOT NULL,
  numbers {blob} NOT NULL,
  PRIMARY KEY (app_id, run)
) {clustered};
