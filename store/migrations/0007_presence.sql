-- Which devices were seen in an hour (H), a day (D) or a month (M), and how:
-- kind is registry.Sighting. Once a period is over its numbers are all that is
-- kept, in one row with block -1 and no bitmap.
CREATE TABLE presence (
  app_id   BIGINT NOT NULL,
  period   TEXT NOT NULL,
  kind     SMALLINT NOT NULL,
  platform TEXT NOT NULL,
  block    BIGINT NOT NULL,
  bitmap   {blob},
  devices  BIGINT NOT NULL,
  PRIMARY KEY (app_id, period, kind, platform, block)
) {clustered};
