-- What a server that cannot reach APNs leaves to the others.

-- The environments of APNs that a server cannot reach, joined by commas.
ALTER TABLE node ADD COLUMN unreached TEXT NOT NULL DEFAULT '';

-- The environment that a job is sent to: 1 development, 2 production, 0 none or
-- not noted.
ALTER TABLE job ADD COLUMN environment INTEGER NOT NULL DEFAULT 0;
