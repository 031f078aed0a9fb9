-- What a script of a schema home has after the migrations. $1 key. Row: the fittings' commands, whether the migrations run
-- as the owner. No row: none is kept, or what is kept cannot be used. PostgreSQL 15 and newer.
SELECT fittings, as_owner FROM rowhouse.home_scripts WHERE key = $1 AND fittings IS NOT NULL
