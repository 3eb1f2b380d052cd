-- The message's place in a trace, so that who sends it can go on with it.
ALTER TABLE message ADD COLUMN trace TEXT NOT NULL DEFAULT '';
