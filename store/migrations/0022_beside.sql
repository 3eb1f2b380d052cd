-- Which schema a server knows, so that a newer one waits with what an older one
-- could not do with (store/beside.go). started_at is 0 for who has the database
-- open and is no server, such as a command.
ALTER TABLE node ADD COLUMN knows BIGINT NOT NULL DEFAULT 0;
