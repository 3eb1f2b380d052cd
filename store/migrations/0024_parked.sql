-- Why a job whose row cannot be read was set aside.
ALTER TABLE job ADD COLUMN problem TEXT NOT NULL DEFAULT '';
