-- Keeps a script, in the place of others. $1 key, $2 the fittings' commands (NULL: homes are not made by a script), $3 whether the
-- migrations run as the owner. No row. PostgreSQL 15 and newer.
WITH others AS (DELETE FROM rowhouse.home_scripts WHERE key <> $1)
INSERT INTO rowhouse.home_scripts (key, fittings, as_owner) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING
