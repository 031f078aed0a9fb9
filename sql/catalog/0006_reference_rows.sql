-- Which reference rows a database home has: a cache, the truth stands in the home. PostgreSQL 15 and newer.
ALTER TABLE rowhouse.homes ADD COLUMN reference_rows text NOT NULL DEFAULT '';
