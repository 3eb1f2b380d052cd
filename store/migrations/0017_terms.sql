-- Folding begins a new generation of a block's bitmaps, in the transaction that
-- writes them, so that bitmaps kept in memory are known to be true or not.
CREATE TABLE index_generation (
  app_id     BIGINT NOT NULL,
  block      BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (app_id, block)
) {clustered};

-- Audience expressions that an app has saved by name.
CREATE TABLE segment (
  app_id     BIGINT NOT NULL,
  name       TEXT NOT NULL,
  expression TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (app_id, name)
) {clustered};
