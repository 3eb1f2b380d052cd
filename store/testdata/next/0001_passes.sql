-- The new column. Who does not know of it writes the old one alone; who does
-- writes the new one alone. What counts is only that both write the row.
ALTER TABLE gate ADD COLUMN passes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE gate ALTER COLUMN passed SET DEFAULT 0;
